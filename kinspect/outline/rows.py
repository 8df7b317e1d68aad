"""What a row of a tree is. The rows themselves are in `services`, `nodes` and `routes`.

Theory of operation:

1. A row is small: an id and the names of what it shows, never the facts themselves. So a row made from one
   snapshot can be drawn from the next, and comparing two rows compares names.
2. `line(snapshot)` says what stands on the row now, `children(snapshot)` which rows are below it. Both are
   pure and cheap, and are asked only of the rows that are on the screen or expanded.
3. Text in a Line is raw: a face passes it through `visible` when it draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

import msgspec

from kinspect.model.finding import Judgment, State
from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot

Role = Literal[
    "title",
    "kind",
    "address",
    "fact",
    "dim",
    "ready",
    "degraded",
    "broken",
    "unknown",
    "translated",
    "accent",
]
"""What a text means; a theme gives each role its colour, and no role is told by colour alone."""

RowId = tuple[str, ...]
"""The path from the root: unique in its tree, and the same for the same thing in every snapshot."""


class Span(NamedTuple):
    text: str
    role: Role = "fact"


class Line(NamedTuple):
    """What a row shows. `state` None = nothing is judged here; `spans` begin with the title.

    Rows of one kind have the same spans in the same places; an empty text is an empty column.
    """

    state: State | None
    spans: tuple[Span, ...]

    @property
    def text(self) -> str:
        return "  ".join(span.text for span in self.spans if span.text)


class Row(msgspec.Struct, frozen=True):
    """A row: `ref` is the object that it stands for, or is part of; None = a heading."""

    id: RowId
    ref: Ref | None

    kind: ClassVar[str] = ""

    @property
    def depth(self) -> int:
        return len(self.id) - 1

    def line(self, snapshot: Snapshot) -> Line:
        raise NotImplementedError

    def children(self, snapshot: Snapshot) -> list[Row]:
        """The rows below; [] for a leaf."""
        return []

    def expandable(self, snapshot: Snapshot) -> bool:
        """Whether `children` would give any. Overridden where asking is cheaper than making them."""
        return bool(self.children(snapshot))


STATE_ROLE: dict[State | None, Role] = {
    "ok": "ready",
    "degraded": "degraded",
    "broken": "broken",
    "unknown": "unknown",
    None: "dim",
}

GLYPH: dict[State | None, str] = {"ok": "●", "degraded": "▲", "broken": "✗", "unknown": "○", None: " "}
"""One cell each; always beside a word or a reason. Hollow = could not look."""


def state_of(snapshot: Snapshot, ref: Ref) -> State:
    """The judged state of an object; *unknown* until it has been judged."""
    judgment = snapshot.judgments.get(ref)
    return judgment.state if judgment else "unknown"


class ReasonRow(Row, frozen=True):
    """One finding, or one thing that could not be judged: why the row above is not fine."""

    severity: Literal["error", "warning", "info", "unknown"]
    code: str
    message: str

    kind: ClassVar[str] = "reason"

    def line(self, snapshot: Snapshot) -> Line:
        state = _SEVERITY_STATE[self.severity]
        return Line(state, (Span(self.code, STATE_ROLE[state]), Span(self.message, STATE_ROLE[state])))


_SEVERITY_STATE: dict[str, State | None] = {
    "error": "broken",
    "warning": "degraded",
    "unknown": "unknown",
    "info": None,
}


def reasons(snapshot: Snapshot, parent: Row, ref: Ref) -> list[Row]:
    """The findings about an object, worst first, then what could not be judged."""
    judgment = snapshot.judgments.get(ref)
    if judgment is None:
        return []
    found: list[Row] = [
        ReasonRow((*parent.id, f"why/{each.code}/{n}"), ref, each.severity, each.code, each.message)
        for n, each in enumerate(judgment.findings)
    ]
    found.sort(
        key=lambda row: ("error", "warning", "info").index(row.severity) if isinstance(row, ReasonRow) else 3
    )
    return found + [
        ReasonRow((*parent.id, f"unknown/{codes[0]}"), ref, "unknown", rules_words(codes), reason)
        for reason, codes in unjudged(judgment).items()
    ]


def unjudged(judgment: Judgment) -> dict[str, list[str]]:
    """Why something could not be judged: each reason once, with the rules that it kept from judging."""
    found: dict[str, list[str]] = {}
    for each in judgment.unknowns:
        found.setdefault(each.reason, []).append(each.code)
    return found


def rules_words(codes: Sequence[str]) -> str:
    """The one rule by its code, several by their number."""
    return codes[0] if len(codes) == 1 else f"{len(codes)} rules"
