"""The keyboard: every key with its id, group and line of help, for bindings, help and palette alike."""

from __future__ import annotations

from typing import NamedTuple

from textual.binding import Binding, BindingType

GROUPS = ("Move", "Tree", "Show", "Trace", "Find", "Details", "Live", "Program")
"""In the order of the help screen."""


class Key(NamedTuple):
    """`keys` as Textual names them, separated by commas; `title` is the name in the palette."""

    id: str
    keys: str
    action: str
    group: str
    title: str
    help: str

    @property
    def first(self) -> str:
        """The key to name where there is room for one."""
        return display(self.keys.split(",")[0])

    def binding(self) -> Binding:
        return Binding(self.keys, self.action, self.title, show=False, tooltip=self.help, id=self.id)


ROWS = (
    Key("tree.down", "down,j", "move(1)", "Move", "Down", "The next row"),
    Key("tree.up", "up,k", "move(-1)", "Move", "Up", "The row before"),
    Key("tree.page-down", "pagedown,ctrl+f", "page(1)", "Move", "Page down", "One screen down"),
    Key("tree.page-up", "pageup,ctrl+b", "page(-1)", "Move", "Page up", "One screen up"),
    Key("tree.top", "home,g", "jump(0)", "Move", "Top", "The first row"),
    Key("tree.end", "end,G", "jump(-1)", "Move", "End", "The last row"),
    Key("tree.next", "right_square_bracket", "trouble(1)", "Move", "Next trouble", "To what is broken next"),
    Key("tree.previous", "left_square_bracket", "trouble(-1)", "Move", "Trouble before", "To the one before"),
    Key("tree.open", "right,l", "into", "Tree", "Open", "Open the row, or go to the first row in it"),
    Key("tree.close", "left,h", "out", "Tree", "Close", "Close the row, or go to the row that it is in"),
    Key("tree.toggle", "space", "open_or_close", "Tree", "Open or close", "Open or close the row"),
    Key("tree.open-below", "E", "open_below", "Tree", "Open all in it", "Open the row and everything in it"),
    Key(
        "tree.open-level", "asterisk", "open_level", "Tree", "Open a level", "Open one more level everywhere"
    ),
    Key("tree.close-all", "C,minus", "close_all", "Tree", "Close all", "Close every row"),
    Key("tree.choose", "enter", "choose", "Details", "Details", "Go to the details of the row"),
)

DETAIL = (
    Key("detail.down", "down,j", "scroll(1)", "Details", "Down", "There: one line down"),
    Key("detail.up", "up,k", "scroll(-1)", "Details", "Up", "There: one line up"),
    Key("detail.next", "right,l", "turn(1)", "Details", "Next tab", "There: the next tab"),
    Key("detail.previous", "left,h", "turn(-1)", "Details", "Tab before", "There: the tab before"),
)

SCREEN = (
    Key("show.other-end", "o", "other_end", "Show", "Other end", "The same object from the other end"),
    Key("show.back", "escape", "back", "Show", "Back", "Out of the details, then out of the filter"),
    Key("trace.trace", "t", "trace", "Trace", "Trace", "Send a request, and see every hop of it"),
    Key("find.filter", "slash", "filter", "Find", "Filter", "Narrow the view as you type"),
    Key("find.worst", "w", "worst", "Find", "Worst first", "What is broken on top, or by name again"),
    Key("find.sort", "s", "sort", "Find", "Sort", "Choose the order of the rows"),
    Key("find.namespace", "n", "namespace", "Find", "Namespace", "Look at one namespace, or at all"),
    Key("detail.details", "d", "tab('details')", "Details", "Details", "Addresses, policies, who gets where"),
    Key("detail.yaml", "y", "tab('yaml')", "Details", "YAML", "The object as YAML"),
    Key("detail.events", "e", "tab('events')", "Details", "Events", "What happened to the object"),
    Key(
        "detail.findings", "p", "tab('findings')", "Details", "Findings", "What is wrong, the fix, the proof"
    ),
    Key("detail.zoom", "z", "zoom", "Details", "Zoom", "Give the details the whole screen, or not"),
    Key("detail.hide", "D", "hide_detail", "Details", "Hide details", "Hide the details, or show them"),
    Key("detail.focus", "tab", "switch_focus", "Details", "Switch", "Between the rows and the details"),
    Key("live.freeze", "f", "freeze", "Live", "Freeze", "Stop the picture, or let it go on"),
    Key("live.follow", "F", "follow", "Live", "Follow", "Let the cursor go to what changes"),
)

APP = (
    Key("live.context", "x", "context", "Live", "Context", "Look at another cluster"),
    Key("live.reconnect", "r", "reconnect", "Live", "Reconnect", "Read everything anew"),
    Key("program.copy", "c", "copy", "Program", "Copy", "Copy a name, an address or a command"),
    Key("program.theme", "T", "theme", "Program", "Theme", "Choose other colours"),
    Key(
        "program.commands", "colon,ctrl+p", "command_palette", "Program", "Commands", "Everything by its name"
    ),
    Key("program.help", "question_mark", "help", "Program", "Help", "All keys"),
    Key("program.quit", "q", "leave", "Program", "Quit", "Leave"),
)

ROWS_HINTS = (
    "program.help",
    "program.quit",
    "tree.choose",
    "find.filter",
    "find.worst",
    "trace.trace",
    "show.other-end",
    "program.copy",
    "find.namespace",
    "live.context",
    "live.freeze",
    "live.follow",
    "program.commands",
)
"""What the bottom line names while the rows have the focus, the most useful first …"""

DETAIL_HINTS = (
    "show.back",
    "program.help",
    "detail.details",
    "detail.yaml",
    "detail.events",
    "detail.findings",
    "program.copy",
    "detail.zoom",
    "detail.hide",
)
"""… and while the details have it."""

FILTER_HINTS = (
    ("Enter", "keeps"),
    ("Esc", "clears"),
    ("↓", "to the rows"),
    ("", "ns: type: state: node: label:"),
)

_DISPLAY = {
    "slash": "/",
    "question_mark": "?",
    "colon": ":",
    "asterisk": "*",
    "minus": "-",
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
    "left_square_bracket": "[",
    "right_square_bracket": "]",
}


def bindings(keys: tuple[Key, ...]) -> list[BindingType]:
    return [key.binding() for key in keys]


def hints(keys: tuple[Key, ...], ids: tuple[str, ...]) -> list[tuple[str, str]]:
    """(key, title) of the keys with these ids, in the order of the ids."""
    by_id = {key.id: key for key in keys}
    return [(by_id[id_].first, by_id[id_].title) for id_ in ids]


def display(keys: str) -> str:
    """The keys of a binding as a person reads them: "↓ j"."""
    return " ".join(_display_one(key) for key in keys.split(","))


def _display_one(key: str) -> str:
    if key.startswith("ctrl+"):
        return f"^{key.removeprefix('ctrl+')}"
    return _DISPLAY.get(key, key)
