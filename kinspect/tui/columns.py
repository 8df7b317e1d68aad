"""How the spans of a row share the width of a line, so that rows of one kind stand in columns.

Theory of operation:

1. Each kind of row at each depth has its own columns, as wide as the widest text seen so far. They only grow,
   so nothing jumps while one scrolls; another width of the screen starts them over.
2. The title comes first, then how it is (the first state in words), because that is what one looks for; then
   the rest. The last span says why (the *tail*) and takes what is left of the line.
3. Where too little is left for the tail, the row that has one gives up its other columns for it: a reason is
   worth more than an address. Rows without a tail keep theirs.
4. Names (titles and facts) shorten in the middle, as both ends tell them apart; all else at the end.
5. Rows that are a sentence rather than a record (PROSE) have no columns: one text follows the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from kinspect.outline.rows import STATE_ROLE, Span
from kinspect.outline.visible import visible

GAP = 2
TAIL_MIN = 30
TITLE_SHARE = 0.38
TITLE_MIN = 14
COLUMN_MIN, COLUMN_MAX = 15, 30
"""The widest that a column gets: a quarter of the line, but an IPv4 address always fits."""
ROOMY = 100
KIND_MAX, KIND_MAX_NARROW = 24, 12
"""The widest that a kind gets on a roomy line, and on another, where LoadBalancer just fits."""
STATE_MAX = 20
"""How wide a state is in words: CrashLoopBackOff."""
ELLIPSIS = "…"
PROSE = frozenset({"Namespace", "reason", "alias", "unmatched", "path"})

_STATE_ROLES = frozenset(STATE_ROLE.values()) - {"dim"}


class Cell(NamedTuple):
    """A text that fills exactly its width, in the style of a role."""

    text: str
    role: str


class Table:
    """The columns of one kind of row: their widths so far; which of them tells the state, None = none."""

    def __init__(self) -> None:
        self.widths: list[int] = []
        self.state: int | None = None

    def order(self, count: int) -> list[int]:
        """The columns from left to right, without the tail, of a row with so many texts (perhaps fewer)."""
        middle = range(1, count - 1)
        state = [at for at in middle if at == self.state]
        return [0, *state, *(at for at in middle if at != self.state)]


class Columns:
    """The columns of one tree."""

    def __init__(self) -> None:
        self.version = 0
        """Grows with every column that does: what was drawn before is not in line any more."""
        self._tables: dict[tuple[str, int], Table] = {}
        self._screen_width = 0

    def resized(self, width: int) -> None:
        """Starts over if the screen has another width than before."""
        if width != self._screen_width:
            self._screen_width = width
            self.start_over()

    def start_over(self) -> None:
        """Forgets how wide texts were: they were others."""
        self._tables.clear()
        self.version += 1

    def measure(self, kind: str, depth: int, spans: Sequence[Span]) -> Table:
        """The columns of this kind, now that this row is among those that are seen."""
        table = self._tables.setdefault((kind, depth), Table())
        table.widths += [0] * (len(spans) - len(table.widths))
        for at, span in enumerate(spans):
            if (width := cell_len(visible(span.text))) > table.widths[at]:
                table.widths[at] = width
                self.version += 1
            if span.role in _STATE_ROLES and 0 < at < min(table.state or len(spans), len(spans) - 1):
                table.state = at
        return table

    def lay_out(self, kind: str, depth: int, spans: Sequence[Span], width: int) -> list[Cell]:
        """The cells of one row, together at most `width` wide."""
        if not spans or width <= 0:
            return []
        if kind in PROSE:
            return list(_flow(spans, width))
        table = self.measure(kind, depth, spans)
        most = [min(table.widths[at], _most(at, span, width)) for at, span in enumerate(spans)]
        tail = len(spans) - 1 if len(spans) > 1 and spans[-1].text else None
        tail_min = min(TAIL_MIN, cell_len(visible(spans[-1].text))) if tail is not None else 0
        return list(_table(spans, _kept(table.order(len(spans)), most, width, tail_min), most, tail, width))


def _most(at: int, span: Span, width: int) -> int:
    """How wide this column may get on a line of this width."""
    if at == 0:
        return max(TITLE_MIN, int(width * TITLE_SHARE))
    if span.role == "kind":
        return KIND_MAX if width >= ROOMY else KIND_MAX_NARROW
    if span.role in _STATE_ROLES:
        return STATE_MAX
    return min(max(width // 4 - GAP, COLUMN_MIN), COLUMN_MAX)


def _kept(order: list[int], most: list[int], width: int, tail_min: int) -> list[int]:
    """The columns that have room beside a tail of this width; the first two always have, the last in part."""
    kept: list[int] = []
    left = width - (GAP + tail_min if tail_min else 0)
    for at in order:
        needed = most[at] + (GAP if kept else 0)
        if len(kept) >= 2 and needed > left and (tail_min or left - GAP < COLUMN_MIN):
            break
        if most[at]:
            kept.append(at)
            left -= needed
    return kept


def _table(
    spans: Sequence[Span], kept: list[int], most: list[int], tail: int | None, width: int
) -> Iterable[Cell]:
    left = width
    for at in kept:
        gap = 0 if at == kept[0] else GAP
        room = min(most[at], left - gap)
        if room <= 0:
            return
        shorten = shorten_middle if spans[at].role in ("title", "fact") else shorten_end
        yield Cell(" " * gap + set_cell_size(shorten(visible(spans[at].text), room), room), spans[at].role)
        left -= gap + room
    if tail is not None and left > GAP:
        yield Cell(" " * GAP + shorten_end(visible(spans[tail].text), left - GAP), spans[tail].role)


def _flow(spans: Sequence[Span], width: int) -> Iterable[Cell]:
    """One text after the other, the last one cut at the end of the line."""
    left = width
    for span in spans:
        gap = 0 if left == width else GAP
        if span.text and left > gap:
            text = shorten_end(visible(span.text), left - gap)
            yield Cell(" " * gap + text, span.role)
            left -= gap + cell_len(text)


def shorten_end(text: str, width: int) -> str:
    """The text in at most `width` cells, cut at its end."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + ELLIPSIS if width > 0 else ""


def shorten_middle(text: str, width: int) -> str:
    """The text in at most `width` cells, both ends kept: `checkout-7d9f…-x2x9p`."""
    if cell_len(text) <= width:
        return text
    if width < 5:
        return shorten_end(text, width)
    head = set_cell_size(text, width // 2).rstrip()
    room = width - 1 - cell_len(head)
    tail = text[-room:]
    while cell_len(tail) > room:
        tail = tail[1:]
    return head + ELLIPSIS + tail
