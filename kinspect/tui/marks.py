"""What reads differently than when it was last seen, for a moment. Pure: time comes in."""

from __future__ import annotations

from collections.abc import Iterable

from kinspect.outline.rows import Line, RowId

MARK_S = 2.5
ARRIVED_MAX = 1_000
"""A thousand new rows at once are not news but another page."""


class Marks:
    """The rows that just changed, each until its time is over."""

    def __init__(self) -> None:
        self._read: dict[RowId, Line] = {}
        self._until: dict[RowId, float] = {}

    def __contains__(self, id_: RowId) -> bool:
        return id_ in self._until

    def read(self, id_: RowId, line: Line, now: float, *, news: bool) -> None:
        """A row is seen to say this. `news` False = whatever it said before, it is not marked."""
        before = self._read.get(id_)
        if before == line:
            return
        self._read[id_] = line
        if news and before is not None:
            self._until[id_] = now + MARK_S

    def arrived(self, ids: Iterable[RowId], now: float) -> None:
        """These rows are new."""
        for id_, _ in zip(ids, range(ARRIVED_MAX), strict=False):
            self._until[id_] = now + MARK_S

    def fade(self, now: float) -> bool:
        """Takes the marks off whose time is over; whether there were any."""
        faded = [id_ for id_, until in self._until.items() if until <= now]
        for id_ in faded:
            del self._until[id_]
        return bool(faded)
