"""What a key is: an action with an id, a group and a line of help. Help and palette are made of these."""

from __future__ import annotations

from textual.binding import Binding
from textual.dom import DOMNode

MOVE = Binding.Group("Move")
TREE = Binding.Group("Tree")
SHOW = Binding.Group("Show")
FIND = Binding.Group("Find")
LIVE = Binding.Group("Live")
DETAIL = Binding.Group("Details")
PROGRAM = Binding.Group("Program")

GROUPS = (MOVE, TREE, SHOW, FIND, LIVE, DETAIL, PROGRAM)
"""In the order of the help screen."""

_DISPLAY = {
    "slash": "/",
    "question_mark": "?",
    "colon": ":",
    "asterisk": "*",
    "minus": "-",
    "plus": "+",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "enter": "Enter",
    "escape": "Esc",
    "space": "Space",
    "home": "Home",
    "end": "End",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "tab": "Tab",
    "shift+tab": "Shift+Tab",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
}


def bind(keys: str, action: str, title: str, help: str, group: Binding.Group, id: str) -> Binding:
    """A binding with all that the help screen, the palette and the bottom line want."""
    return Binding(keys, action, title, show=False, tooltip=help, id=id, group=group)


def bindings_of(*nodes: type[DOMNode]) -> list[Binding]:
    """The keys that these widgets, screens and apps declare themselves, in the order of declaration."""
    return [each for node in nodes for each in node.BINDINGS if isinstance(each, Binding) and each.group]


def display(keys: str) -> str:
    """The keys of a binding as a person reads them: "↓ j"."""
    return " ".join(_display_one(key.strip()) for key in keys.split(","))


def _display_one(key: str) -> str:
    if key in _DISPLAY:
        return _DISPLAY[key]
    if key.startswith("ctrl+"):
        return f"^{key.removeprefix('ctrl+')}"
    return key
