"""The top of the screen: where this is, whether it is live, what is wrong, and what cannot be known."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Click
from textual.widgets import Static

from kinspect.outline.visible import visible
from kinspect.tui.columns import shorten_end, shorten_middle
from kinspect.tui.theme import Theme, look
from kinspect.tui.widgets.lines import text_of
from kinspect.tui.words import Heading

ROOMY = 100
"""From this width on there is room for the program's name and for all counts."""


class Header(Vertical):
    DEFAULT_CSS = """
    Header { height: auto; background: $panel; padding: 0 1; }
    Header Static { height: 1; background: $panel; }
    """

    def compose(self) -> ComposeResult:
        yield Static(id="where")
        yield Static(id="what")
        yield Static(id="gaps")

    def show(self, heading: Heading) -> None:
        theme, width = look(self), self.app.size.width - 4  # it is asked before it knows its own size
        self.query_one("#where", Static).update(_where(heading, theme, width))
        self.query_one("#what", Static).update(_what(heading, theme, width))
        third = self.query_one("#gaps", Static)
        third.display = bool(heading.gaps or heading.progress)
        third.update(_gaps(heading, theme, width))

    def on_click(self, event: Click) -> None:
        """The titles of the views can be clicked."""
        view = event.style.meta.get("view")
        if view is not None:
            self.app.simulate_key(view)


def _where(heading: Heading, theme: Theme, width: int) -> Text:
    styles = theme.styles
    right = text_of([heading.liveness], theme)
    narrowed = text_of(heading.narrowed, theme, " · ")
    left = Text("kinspect  " if width >= ROOMY else "", styles["accent"], no_wrap=True)
    room = max(width - left.cell_len - narrowed.cell_len - right.cell_len - 5, 12)
    left.append(shorten_middle(visible(heading.source), room), styles["title"]).append("  ").append_text(
        narrowed
    )
    return _both_ends(left, right, width)


def _what(heading: Heading, theme: Theme, width: int) -> Text:
    """The views at the left, the counts at the right; where that is too much, only one view has its title."""
    counts = heading.counts
    right = text_of(counts, theme)
    left = _views(heading.views, theme, titles=True)
    if left.cell_len + right.cell_len + 2 > width:
        left = _views(heading.views, theme, titles=False)
    return _both_ends(left, right, width)


def _views(views: tuple[tuple[str, str, bool], ...], theme: Theme, *, titles: bool) -> Text:
    text = Text(no_wrap=True)
    for key, title, shown in views:
        style = theme.styles["accent" if shown else "dim"]
        words = f"[{key} {title}]" if shown else f" {key} {title} " if titles else f" {key} "
        text.append(words, style).apply_meta({"view": key}, text.cell_len - len(words), text.cell_len)
    return text


def _gaps(heading: Heading, theme: Theme, width: int) -> Text:
    text = text_of(heading.progress, theme)
    for label, words in heading.gaps:
        label = f"{'  ' if text else ''}{label}: "
        room = width - text.cell_len - len(label)
        if room > 8:
            text.append(label, theme.styles["unknown"])
            text.append(shorten_end(visible(words), room), theme.styles["dim"])
    return text


def _both_ends(left: Text, right: Text, width: int) -> Text:
    left.truncate(max(width - right.cell_len - 1, 1), overflow="ellipsis")
    left.append(" " * max(width - left.cell_len - right.cell_len, 0))
    return left.append_text(right)
