"""The bottom line: what just happened, or else which keys there are."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from rich.text import Text
from textual.widgets import Static

from kinspect.outline.visible import visible
from kinspect.tui.columns import shorten_end
from kinspect.tui.theme import look

SAID_S = 4.0


class StatusLine(Static):
    DEFAULT_CSS = "StatusLine { height: 1; background: $panel; padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__(id="status")
        self._hints: Sequence[tuple[str, str]] = ()
        self._said: tuple[str, str] | None = None
        self._until = 0.0

    def hint(self, hints: Sequence[tuple[str, str]]) -> None:
        """The (key, title) pairs to be shown, the most useful first; what does not fit is left out."""
        self._hints = hints
        self.redraw()

    def say(self, words: str, role: str = "accent") -> None:
        """Says one line for a moment."""
        self._said, self._until = (words, role), monotonic() + SAID_S
        self.redraw()

    def tick(self) -> None:
        if self._said and monotonic() > self._until:
            self._said = None
            self.redraw()

    def on_resize(self) -> None:
        self.redraw()

    def redraw(self) -> None:
        styles, width = look(self).styles, self.app.size.width - 2  # asked before it knows its own size, too
        if self._said:
            words, role = self._said
            self.update(Text(shorten_end(visible(words), width), styles[role], no_wrap=True))
            return
        text = Text(no_wrap=True)
        for key, title in self._hints:
            if text.cell_len + len(key) + len(title) + 1 > width:
                break
            text.append(key, styles["accent"]).append(f" {title}  ", styles["dim"])
        self.update(text)
