"""The pane beside the tree: all about the object under the cursor, on four tabs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.events import Click, Resize
from textual.message import Message
from textual.widgets import Static

from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot
from kinspect.outline.details import details
from kinspect.outline.rows import Span
from kinspect.outline.sections import Section
from kinspect.outline.visible import visible
from kinspect.tui import sections
from kinspect.tui.columns import shorten_middle
from kinspect.tui.keys import DETAIL, bindings
from kinspect.tui.sections import TABS, InFull, Tab
from kinspect.tui.theme import Theme, look

LABEL_MAX = 22
KEPT = 64
"""Objects in full that are kept; one costs a GET and an events list."""

TITLES: dict[Tab, str] = {
    "details": "d Details",
    "yaml": "y YAML",
    "events": "e Events",
    "findings": "p Findings",
}


class DetailPane(Vertical):
    DEFAULT_CSS = """
    DetailPane { background: $background; border-left: solid $border; padding: 0 0 0 1; }
    DetailPane:focus-within { border-left: solid $accent; }
    DetailPane > Static { height: 1; }
    DetailPane > VerticalScroll { background: $background; }
    DetailPane > VerticalScroll { scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    DetailPane > VerticalScroll > Static { height: auto; }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(DETAIL)

    class Wanted(Message):
        """The object in full is to be read."""

        def __init__(self, ref: Ref) -> None:
            self.ref = ref
            super().__init__()

    def __init__(self) -> None:
        super().__init__(id="detail")
        self.tab: Tab = "details"
        self._snapshot: Snapshot | None = None
        self._ref: Ref | None = None
        self._full: dict[tuple[Ref, str], InFull] = {}
        self._asked: tuple[Ref, str] | None = None
        self._drawn: object = None

    def compose(self) -> ComposeResult:
        yield Static(id="detail-title")
        yield Static(id="detail-tabs")
        with VerticalScroll(id="detail-body"):
            yield Static(id="detail-text")

    @property
    def body(self) -> VerticalScroll:
        return self.query_one("#detail-body", VerticalScroll)

    @property
    def full(self) -> InFull | None:
        """The shown object in full, if it has been read in its present version."""
        return self._full.get(self._version()) if self._ref else None

    def show(self, snapshot: Snapshot, ref: Ref | None) -> None:
        """This object is to be seen, as of this snapshot; None = nothing is selected."""
        if ref != self._ref:
            self.body.scroll_to(y=0, animate=False)
        self._snapshot, self._ref = snapshot, ref
        self.draw()

    def turn_to(self, tab: Tab) -> None:
        self.tab = tab
        self.body.scroll_to(y=0, animate=False)
        self.draw()

    def loaded(self, ref: Ref, full: InFull) -> None:
        """The object has been read in full."""
        if ref == self._ref:
            self._full[self._version()] = full
            while len(self._full) > KEPT:
                del self._full[next(iter(self._full))]
            self.draw()

    def draw(self) -> None:
        """Writes the pane again if anything on it is different."""
        if not self.display or self._snapshot is None or not self.is_mounted:
            return
        self._want()
        found = tuple(self._sections(self._snapshot))
        theme, width = look(self), self.query_one("#detail-text").size.width
        drawn = (self.tab, self._ref, found, theme.name, width)
        if drawn == self._drawn or width < 4:
            return
        self._drawn = drawn
        title = shorten_middle(visible(str(self._ref)) if self._ref else "Nothing selected", width)
        self.query_one("#detail-title", Static).update(Text(title, theme.styles["title"], no_wrap=True))
        self.query_one("#detail-tabs", Static).update(self._tabs(theme))
        lines = [line for section in found for line in self._section(section, theme, width)]
        self.query_one("#detail-text", Static).update(Text("\n").join(lines))

    def _sections(self, snapshot: Snapshot) -> Iterable[Section]:
        if self._ref is None:
            return []
        if self.tab == "yaml":
            return sections.yaml(self.full)
        if self.tab == "events":
            return sections.events(self.full)
        if self.tab == "findings":
            return sections.findings(snapshot, self._ref)
        return details(snapshot, self._ref)

    def _want(self) -> None:
        """Asks for the object in full once it is looked at, once for each of its versions."""
        if self._ref is None or self.tab not in ("yaml", "events"):
            return
        version = self._version()
        if version not in self._full and version != self._asked:
            self._asked = version
            self.post_message(self.Wanted(self._ref))

    def _version(self) -> tuple[Ref, str]:
        assert self._ref is not None
        found = self._snapshot.get(self._ref) if self._snapshot else None
        return self._ref, found.metadata.resource_version if found else ""

    def _tabs(self, theme: Theme) -> Text:
        text = Text(no_wrap=True)
        for tab in TABS:
            mark = ("[", "]") if tab == self.tab else (" ", " ")
            text.append(
                f"{mark[0]}{TITLES[tab]}{mark[1]}", theme.styles["accent" if tab == self.tab else "dim"]
            )
        return text

    def _section(self, section: Section, theme: Theme, width: int) -> Iterator[Text]:
        if section.title:
            yield Text()
            yield Text(visible(section.title), theme.styles["title"])
        labels = [line[0].text for line in section.lines if len(line) > 1 and line[0].role == "dim"]
        column = min(max(map(len, labels), default=0), LABEL_MAX)
        for line in section.lines:
            yield from self._line(line, theme, width, column, indent=2 if section.title else 0)

    def _line(
        self, line: tuple[Span, ...], theme: Theme, width: int, column: int, indent: int
    ) -> Iterator[Text]:
        """One line, wrapped below itself: the label keeps its own column."""
        first = Text(" " * indent)
        rest = line
        if len(line) > 1 and line[0].role == "dim":
            first.append(visible(line[0].text).ljust(column) + "  ", theme.styles["dim"])
            rest = line[1:]
        gap = "" if self.tab == "yaml" else "  "
        value = Text(gap).join(
            Text(visible(span.text), theme.styles[span.role]) for span in rest if span.text
        )
        if first.cell_len > width // 2:
            yield first
            first = Text(" " * (indent + 2))
        margin = first.cell_len
        for number, piece in enumerate(value.wrap(self.app.console, max(width - margin, 8), no_wrap=False)):
            yield (first if number == 0 else Text(" " * margin)).append_text(piece)

    def on_resize(self, event: Resize) -> None:
        self.call_after_refresh(self.draw)

    def on_click(self, event: Click) -> None:
        if event.widget is not None and event.widget.id == "detail-tabs":
            x = event.get_content_offset(event.widget)
            end = 0
            for tab in TABS:
                end += len(TITLES[tab]) + 2
                if x is not None and x.x < end:
                    self.turn_to(tab)
                    return

    def action_scroll(self, by: int) -> None:
        self.body.scroll_relative(y=by, animate=False)

    def action_turn(self, by: int) -> None:
        self.turn_to(TABS[(TABS.index(self.tab) + by) % len(TABS)])
