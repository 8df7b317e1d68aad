"""The rows of a tree in the order of the screen, lazily opened and kept up to date a piece at a time.

Theory of operation:

1. The forest is one flat list. A row's id is its path from the root, so what is below row i is the run of
   deeper rows after it, and no node objects are needed. 100,000 rows are 100,000 small objects.
2. A row's children are asked for when it is opened, and again when there is a newer snapshot. A *pass* goes
   over all open rows from the top; `grow` does as much of it as its budget permits and goes on from there the
   next time. The rows on the screen are asked first: what one looks at is never old.
3. Putting new children below one row keeps the runs below those that are still there. So what is open stays
   open, and nothing below an unchanged row is touched.
4. A row with very many children takes its time to answer. It rests for REST times that cost before it is
   asked again, so one large namespace takes at most 1/REST of the time.
5. Rows of the first `open_depth` levels are open unless closed by hand, deeper ones closed unless opened: a
   new namespace comes open, and one that the person closed stays closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from kinspect.outline.rows import Row, RowId

REST = 30.0
SLOW_S = 0.002
NEVER = float("inf")
ROOTS = -1
"""The index of the row above all rows, which does not exist."""


class Branches(Protocol):
    """Which rows there are, at one moment."""

    def roots(self) -> list[Row]: ...

    def children(self, row: Row) -> list[Row]: ...


class Forest:
    """`rows` is what is on the screen and beyond, top to bottom; an index is good until the next call."""

    def __init__(self, clock: Callable[[], float], open_depth: int = 0) -> None:
        self.rows: list[Row] = []
        self.arrived: list[RowId] = []
        """Rows that `grow` found to be new; the owner empties it."""
        self._open_depth = open_depth
        self._branches: Branches | None = None
        self._clock = clock
        self._opened: set[RowId] = set()
        self._closed: set[RowId] = set()
        self._rests_until: dict[RowId, float] = {}
        self._pass_at: int | None = None
        """The row that the pass asked last; None = none is under way."""
        self._due = NEVER
        """When the next pass is to start."""

    def is_open(self, row: Row) -> bool:
        if row.id in self._opened:
            return True
        return row.depth < self._open_depth and row.id not in self._closed

    def open_to(self, depth: int) -> None:
        """From now on rows of this many levels are open unless closed by hand."""
        if depth != self._open_depth:
            self._open_depth = depth
            self._replace(0, len(self.rows), [])

    def show(self, branches: Branches, *, at_once: bool) -> None:
        """There are other branches from now on; `at_once` where the question changed, and not the answer."""
        self._branches = branches
        self._due = 0.0
        if at_once:
            self._rests_until.clear()
            self._pass_at = None

    def grow(self, top: int, bottom: int, budget_s: float) -> bool:
        """Asks the rows from `top` to `bottom` again, then goes on with the pass for this many seconds.

        False = there was nothing to do: all is up to date, or rests.
        """
        now = self._clock()
        if self._branches is None or (now < self._due and self._pass_at is None):
            return False
        if self._pass_at is None:
            self._pass_at, self._due = ROOTS, NEVER
        for at in self._seen(top, bottom):
            self._ask(at)
        self._ask(ROOTS)
        self._go_on(self._clock() + budget_s)
        return True

    def _go_on(self, stop: float) -> None:
        """Asks one open row after the other, on from where the pass is, until this time; at least one."""
        more = True
        while self._pass_at is not None and more:
            rows, at = self.rows, self._pass_at + 1
            while at < len(rows) and not self.is_open(rows[at]):
                at += 1
            self._pass_at = at if at < len(rows) else None
            if self._pass_at is not None:
                self._ask(at)
            more = self._clock() < stop

    def _seen(self, top: int, bottom: int) -> list[int]:
        """The open rows on the screen and those that they are in, last first, as asking moves later rows."""
        rows = self.rows
        seen = [at for at in range(min(bottom, len(rows)) - 1, top - 1, -1) if self.is_open(rows[at])]
        at: int | None = top if top < len(rows) else None
        while at is not None:
            at = self.parent_of(at)
            if at is not None:
                seen.append(at)
        return seen

    def _ask(self, at: int, *, at_once: bool = False) -> None:
        """Asks for the rows directly below the row at this index, unless it rests."""
        assert self._branches is not None
        row = self.rows[at] if at != ROOTS else None
        id_ = row.id if row else ()
        started = self._clock()
        if started < (until := self._rests_until.get(id_, 0.0)) and not at_once:
            self._due = min(self._due, until)
            return
        self._rests_until.pop(id_, None)
        self._put_below(at, self._branches.children(row) if row else self._branches.roots())
        cost_s = self._clock() - started
        if cost_s > SLOW_S:
            self._rests_until[id_] = started + REST * cost_s

    def _put_below(self, at: int, children: list[Row]) -> None:
        length = len(self.rows[at].id) + 1 if at != ROOTS else 1
        end = self._end(at)
        heads = [i for i, row in enumerate(self.rows[at + 1 : end], at + 1) if len(row.id) == length]
        if [self.rows[i] for i in heads] == children:
            return
        runs = (
            {
                self.rows[i].id: self.rows[i + 1 : until]
                for i, until in zip(heads, [*heads[1:], end], strict=True)
            }
            if heads
            else {}
        )
        below: list[Row] = []
        for child in children:
            below.append(child)
            if (run := runs.get(child.id)) is not None:
                below += run
            else:
                self.arrived.append(child.id)
                below += self._below(child)
        self._replace(at + 1, end, below)

    def _below(self, row: Row) -> list[Row]:
        """The rows to be shown below a row that is about to appear, or to open."""
        if self._branches is None or not self.is_open(row):
            return []
        return [each for child in self._branches.children(row) for each in (child, *self._below(child))]

    def _replace(self, start: int, end: int, rows: list[Row]) -> None:
        """Puts `rows` in the place of a run, and keeps the pass where it was, or before the run."""
        if self._pass_at is None:
            pass
        elif self._pass_at >= end:
            self._pass_at += len(rows) - (end - start)
        elif self._pass_at >= start:
            id_ = self.rows[self._pass_at].id
            self._pass_at = next((start + i for i, row in enumerate(rows) if row.id == id_), start - 1)
        self.rows[start:end] = rows

    def _end(self, at: int) -> int:
        """One past the last row below the row at this index."""
        if at == ROOTS:
            return len(self.rows)
        rows, length = self.rows, len(self.rows[at].id)
        return next((i for i in range(at + 1, len(rows)) if len(rows[i].id) <= length), len(rows))

    def open(self, at: int) -> None:
        """Opens the row at this index, if there is anything below it."""
        row = self.rows[at]
        if self.is_open(row) or self._branches is None or not self._branches.children(row):
            return
        self._closed.discard(row.id)
        self._opened.add(row.id)
        self._replace(at + 1, at + 1, self._below(row))

    def close(self, at: int) -> None:
        row = self.rows[at]
        if self.is_open(row):
            self._opened.discard(row.id)
            self._closed.add(row.id)
            self._replace(at + 1, self._end(at), [])

    def open_below(self, at: int, limit: int) -> None:
        """Opens the row and all below it, until that has made `limit` rows: a tree can be very deep."""
        most, depth = len(self.rows) + limit, self.rows[at].depth
        self.open(at)
        at += 1
        while at < len(self.rows) and self.rows[at].depth > depth and len(self.rows) < most:
            self.open(at)
            at += 1

    def open_level(self, limit: int) -> None:
        """Opens every row of the outermost level that has a closed one, until that has made `limit` rows."""
        closed = [row.depth for row in self.rows if not self.is_open(row)]
        depth, most = min(closed, default=0), len(self.rows) + limit
        for at in [i for i, row in enumerate(self.rows) if row.depth == depth][::-1]:
            if len(self.rows) < most:
                self.open(at)

    def close_all(self) -> None:
        """Only the roots stay, closed."""
        self._opened.clear()
        self._closed |= {row.id for row in self.rows if row.depth < self._open_depth}
        self._replace(0, len(self.rows), [row for row in self.rows if row.depth == 0])

    def reveal(self, path: Iterable[Row]) -> int | None:
        """Opens the way to the last row of `path`; its index, or None if a row of it is not there."""
        at: int | None = None
        for row in path:
            parent = ROOTS
            if at is not None:
                self.open(at)
                parent = at
            at = self.index_of(row.id)
            if at is None:  # it may be newer than the last pass
                self._ask(parent, at_once=True)
                at = self.index_of(row.id)
            if at is None:
                return None
        return at

    def index_of(self, id_: RowId, near: int = 0) -> int | None:
        """Where a row is, looked for around `near` first; None = nowhere."""
        rows, count = self.rows, len(self.rows)
        for distance in range(min(64, count)):
            for at in (near + distance, near - distance):
                if 0 <= at < count and rows[at].id == id_:
                    return at
        return next((at for at, row in enumerate(rows) if row.id == id_), None)

    def place_of(self, id_: RowId, near: int) -> int:
        """Where the cursor that was on this row belongs now: on it; if it is gone, on the line where it was;
        if something around it was closed, on that. 0 if there are no rows."""
        for length in range(len(id_), 0, -1):
            at = self.index_of(id_[:length], near)
            if at is None:
                continue
            if length == len(id_) or not self.is_open(self.rows[at]):
                return at
            break
        return max(min(near, len(self.rows) - 1), 0)

    def parent_of(self, at: int) -> int | None:
        depth = self.rows[at].depth
        return next((i for i in range(at - 1, -1, -1) if self.rows[i].depth < depth), None)
