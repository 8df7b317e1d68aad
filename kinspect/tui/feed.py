"""Which snapshot is looked at: the newest there is, or the one at which the person stopped. Pure."""

from __future__ import annotations

from kinspect.errors import KinspectError
from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot
from kinspect.outline.summary import Summary

FOLLOW_S = 1.0
"""A cursor that follows rests so long on each row: one must be able to look."""


class Feed:
    """`newest` is set by whoever reads, `shown` is what the screen shows. `error`: nothing more will come."""

    def __init__(self) -> None:
        self.newest: Snapshot | None = None
        self.shown: Snapshot | None = None
        self.error: KinspectError | None = None
        self.frozen = False
        self.settled = False
        """Everything has been read and judged once: from now on what changes is news."""
        self._followed = 0.0
        self._narrow: frozenset[str] = frozenset()

    def begin(self) -> None:
        """Another source is being read from now on."""
        self.newest = self.shown = self.error = None
        self.frozen = self.settled = False
        self._narrow = frozenset()

    def take(self) -> bool:
        """Shows the newest snapshot, unless frozen; whether that is another one than before."""
        if self.frozen or self.newest is None or self.newest is self.shown:
            return False
        self.shown = self.newest
        return True

    def settle(self, found: Summary) -> bool:
        """Looks whether everything has been read and judged; whether that is so for the first time."""
        begun = (
            self.shown is not None and self.shown.coverage and (self.shown.judgments or not found.services)
        )
        if self.settled or not begun or found.loading or found.pending:
            return False
        self.settled = True
        return True

    def widened(self) -> list[str]:
        """The kinds of which only some namespaces were known when last asked, and now all are."""
        coverage = self.shown.coverage if self.shown else {}
        narrow = frozenset(kind for kind, each in coverage.items() if each.namespaces is not None)
        found = [
            kind
            for kind in sorted(self._narrow - narrow)
            if kind in coverage and coverage[kind].state == "given"
        ]
        self._narrow = (self._narrow | narrow).difference(found)
        return found

    def changed_last(self, now: float) -> Ref | None:
        """What changed since it was last asked for, the newest; None = nothing, or it is too soon."""
        recent = self.shown.recent if self.shown else {}
        if not recent or now < self._followed + FOLLOW_S:
            return None
        ref, at = max(recent.items(), key=lambda entry: entry[1])
        if at <= self._followed:
            return None
        self._followed = max(at, now)
        return ref
