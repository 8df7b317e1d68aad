"""What a Watcher may say about its kind: the Coverage in words, told only when it changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from kinspect.model.change import Change, Covered
from kinspect.model.coverage import Coverage, State
from kinspect.model.meta import Key


class Standing:
    """How far one kind is known in one scope. Owned by one Watcher."""

    def __init__(self, kind: str, scope: str | None) -> None:
        self.kind = kind
        self.scope = scope
        self.complete = False  # a list was complete once, and nothing has taken it back
        self.true_at: datetime | None = None  # when what is known was last surely true
        self.catching_up = False  # the list came from a cache that may be behind
        self.narrowed = ""  # why only one namespace is read
        self.malformed: dict[Key, str] = {}
        self._said: Coverage | None = None

    def say(self, state: State, reason: str = "") -> tuple[Change, ...]:
        """A Covered with the state and all there is to say about it; () if that would tell nothing new."""
        return self._covered(Coverage(state, reason))

    def loading(self, count: int, expected: int) -> tuple[Change, ...]:
        """How far a first list has come."""
        return self._covered(Coverage("loading", count=count, expected=expected))

    def stale(self, reason: str) -> tuple[Change, ...]:
        """What is known stays, marked with the time when it was true; what was never known is lost."""
        if not self.complete:
            return self._covered(Coverage("lost", reason))
        as_of = self.true_at.strftime("%Y-%m-%dT%H:%M:%SZ") if self.true_at else None
        return self._covered(Coverage("given", reason, as_of=as_of))

    def _covered(self, bare: Coverage) -> tuple[Change, ...]:
        reason = "; ".join(part for part in (bare.reason, *self._caveats()) if part)
        namespaces = (self.scope,) if self.scope is not None else None
        coverage = msgspec.structs.replace(bare, reason=reason, namespaces=namespaces)
        if coverage == self._said:
            return ()
        self._said = coverage
        return (Covered(self.kind, coverage),)

    def _caveats(self) -> Iterator[str]:
        if self.narrowed:
            yield f"only namespace {self.scope}: {self.narrowed}"
        if self.catching_up:
            yield "from the server's cache, perhaps old until the watch has caught up"
        if self.malformed:
            key, problem = next(iter(self.malformed.items()))
            named = "/".join(part for part in key if part) or "an object without a name"
            more = f" and {len(self.malformed) - 1} more" if len(self.malformed) > 1 else ""
            yield f"not readable: {named}{more} ({problem})"
