"""The filter line: what is typed narrows the view at once."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input


class FilterBar(Input):
    DEFAULT_CSS = """
    FilterBar, FilterBar:focus { border: none; height: 1; padding: 0 1; background: $panel; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,up", "screen.focus_view", "To the rows", show=False),
        Binding("escape", "screen.clear_filter", "Clear", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(
            placeholder="name or address  ns:  type:  state:  node:  label:   Enter keeps, Esc clears",
            id="filter",
            select_on_focus=False,
        )
        self.display = False
