"""A list to pick one from, narrowed by typing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from kinspect.outline.visible import visible
from kinspect.tui.choices import Choice, matching
from kinspect.tui.columns import shorten_middle
from kinspect.tui.theme import look

TITLE_MAX = 40


class Pick(ModalScreen[str | None]):
    """Ends with the value of the choice; None = the person changed their mind."""

    DEFAULT_CSS = """
    Pick { align: center middle; }
    Pick > Vertical {
        width: 110; max-width: 90%; height: auto; max-height: 80%;
        background: $panel; border: round $accent; padding: 0 1;
    }
    Pick Input, Pick Input:focus { border: none; height: 1; padding: 0 1; background: $background; }
    Pick OptionList { height: auto; max-height: 18; border: none; padding: 0; background: $panel; }
    Pick OptionList { text-wrap: nowrap; text-overflow: ellipsis; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Back", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("up", "move(-1)", "Up", show=False),
        Binding("pagedown", "move(10)", "Page down", show=False),
        Binding("pageup", "move(-10)", "Page up", show=False),
    ]

    def __init__(self, title: str, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._matching: list[Choice] = []

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(Text(visible(self._title)))
            yield Input(placeholder="type to narrow, Enter picks, Esc goes back", id="pick-input")
            yield OptionList(id="pick-list", markup=False)

    def on_mount(self) -> None:
        self.query_one(OptionList).can_focus = False
        self._narrow("")
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._narrow(event.value)

    def _narrow(self, typed: str) -> None:
        styles = look(self).styles
        self._matching = matching(self._choices, typed)
        listed = self.query_one(OptionList)
        listed.clear_options()
        column = min(max((cell_len(visible(each.title)) for each in self._choices), default=0), TITLE_MAX)
        for each in self._matching:
            title = set_cell_size(shorten_middle(visible(each.title), column), column)
            text = Text(no_wrap=True, overflow="ellipsis").append(title, styles["fact"])
            listed.add_option(Option(text.append(f"  {visible(each.note)}", styles["dim"])))
        listed.highlighted = 0 if self._matching else None

    @on(Input.Submitted)
    def _submitted(self) -> None:
        at = self.query_one(OptionList).highlighted
        self.dismiss(self._matching[at].value if at is not None else None)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._matching[event.option_index].value)

    def action_move(self, by: int) -> None:
        listed = self.query_one(OptionList)
        if self._matching and listed.highlighted is not None:
            listed.highlighted = min(max(listed.highlighted + by, 0), len(self._matching) - 1)
