"""The help screen: every key with its line of help, made from the bindings themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from kinspect.outline.rows import GLYPH
from kinspect.tui.keys import GROUPS, Key, display
from kinspect.tui.theme import look

FILTER_HELP = (
    ("cart", "letters in this order in the namespace, name or address"),
    ("ns:shop", "part of the namespace"),
    ("type:load", "part of the Service's type: headless, NodePort, ExternalName …"),
    ("state:broken", "broken, degraded, unknown or ok"),
    ("node:node1", "has an endpoint on a node of this name"),
    ("label:app=web", "part of a label"),
)
STATES_HELP = {
    "broken": "an error was found",
    "degraded": "a warning was found",
    "unknown": "could not look: never taken for fine",
    "ok": "every rule holds",
}


class Help(ModalScreen[None]):
    DEFAULT_CSS = """
    Help { align: center middle; }
    Help > VerticalScroll {
        width: 92; max-width: 96%; height: 90%;
        background: $panel; border: round $accent; padding: 0 1;
    }
    Help Static { height: auto; background: $panel; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "dismiss", "Back", show=False),
        Binding("down,j", "scroll(1)", "Down", show=False),
        Binding("up,k", "scroll(-1)", "Up", show=False),
        Binding("pagedown,space", "scroll(10)", "Page down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", show=False),
    ]

    def __init__(self, keys: Sequence[Key]) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(self._text())

    def _text(self) -> Text:
        styles = look(self).styles
        text = Text("Keys (Esc goes back)\n", styles["accent"])

        def heading(words: str) -> None:
            text.append(f"\n{words}\n", styles["title"])

        def entry(left: str, right: str) -> None:
            text.append(f"  {left:<14}", styles["accent"]).append(f"{right}\n", styles["fact"])

        for group in GROUPS:
            heading(group)
            for key in self._keys:
                if key.group == group:
                    entry(display(key.keys), key.help)
        heading("The filter: words that must all match")
        for word, meaning in FILTER_HELP:
            entry(word, meaning)
        heading("States")
        for state, meaning in STATES_HELP.items():
            entry(f"{GLYPH[state]} {state}", meaning)  # type: ignore[index]
        entry("•", "just changed")
        return text

    def action_scroll(self, by: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)
