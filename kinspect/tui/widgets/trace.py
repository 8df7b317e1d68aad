"""The answer of a trace: the drawing, and every hop beside what was predicted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import ScrollableContainer, Vertical
from textual.events import Resize
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from kinspect.errors import KinspectError
from kinspect.model.path import Trace
from kinspect.outline.path import Line, body, headline
from kinspect.outline.rows import Role
from kinspect.outline.visible import visible
from kinspect.tui.targets import Target
from kinspect.tui.theme import look

_ROLES: dict[str, Role] = {
    "head": "title",
    "hop": "fact",
    "parted": "broken",
    "predicted": "dim",
    "note": "dim",
    "box": "translated",
}


class TraceScreen(ModalScreen[None]):
    """Shows one trace from beginning to end. Nothing is sent before the person has chosen a vantage."""

    DEFAULT_CSS = """
    TraceScreen > Vertical { background: $background; padding: 0 1; }
    TraceScreen #trace-title { height: 1; }
    TraceScreen #trace-answer { width: auto; height: auto; }
    TraceScreen ScrollableContainer { scrollbar-size: 1 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Back", show=False),
        Binding("r", "again", "Again", show=False),
        Binding("down,j", "scroll(1)", "Down", show=False),
        Binding("up,k", "scroll(-1)", "Up", show=False),
        Binding("pagedown,space", "scroll(10)", "Page down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", show=False),
        Binding("right,l", "shift(8)", "Right", show=False),
        Binding("left,h", "shift(-8)", "Left", show=False),
    ]

    class Wanted(Message):
        """This is to be traced, now."""

        def __init__(self, screen: TraceScreen) -> None:
            self.screen = screen
            super().__init__()

    def __init__(self, target: Target, vantage: str) -> None:
        super().__init__()
        self.target, self.vantage = target, vantage
        self._answer: Trace | KinspectError | None = None

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(id="trace-title")
            with ScrollableContainer():
                yield Static(id="trace-answer")

    def on_mount(self) -> None:
        self.action_again()

    def action_again(self) -> None:
        self.show(None)
        self.post_message(self.Wanted(self))

    def show(self, answer: Trace | KinspectError | None) -> None:
        """The answer is there; None = it is on its way."""
        self._answer = answer
        self._draw()

    def _draw(self) -> None:
        styles = look(self).styles
        title = f"trace {self.target.words} from {self.vantage}   r again   Esc back"
        self.query_one("#trace-title", Static).update(Text(visible(title), styles["accent"], no_wrap=True))
        if self._answer is None:
            text = Text("sending and watching…", styles["dim"])
        elif isinstance(self._answer, KinspectError):
            text = Text(visible(self._answer.message), styles["broken"])
            text.append(f"\n{visible(self._answer.hint)}", styles["dim"])
        else:
            width = max(self.size.width - 4, 40)
            drawn = [*_wrapped(headline(self._answer), width), *body(self._answer, width)]
            text = Text("\n").join(Text(line.text, styles[_ROLES[line.role]]) for line in drawn)
        self.query_one("#trace-answer", Static).update(text)

    def on_resize(self, event: Resize) -> None:
        self._draw()

    def action_scroll(self, by: int) -> None:
        self.query_one(ScrollableContainer).scroll_relative(y=by, animate=False)

    def action_shift(self, by: int) -> None:
        self.query_one(ScrollableContainer).scroll_relative(x=by, animate=False)


def _wrapped(lines: Iterable[Line], width: int) -> Iterator[Line]:
    """The same in more lines, none of them longer: what is wrong and what to do is read without scrolling."""
    for line in lines:
        depth = len(line.text) - len(line.text.lstrip())
        for text in wrap(line.text, width, subsequent_indent=" " * (depth + 2)):
            yield Line(text, line.role)
