"""What the first line of every face says: how much there is, and how much of it is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from kinspect.model.coverage import Coverage
from kinspect.model.finding import State
from kinspect.model.meta import Key, Ref
from kinspect.model.snapshot import Snapshot
from kinspect.outline.rows import state_of

NEEDED = ("Service", "EndpointSlice", "Pod", "Node")
"""The kinds without which most of what is told would be guesses."""


class Hidden(NamedTuple):
    """A kind that is not, or not wholly, known: an absence in it proves nothing. `stale`: as it was once."""

    kind: str
    state: str
    reason: str
    stale: bool = False

    @property
    def words(self) -> str:
        return "; ".join(filter(None, (self.state, self.reason)))


class Summary(NamedTuple):
    """`states` counts the Services by state; `loading` the kinds on their way, with counts so far.

    `as_of`: since when what is needed most is not up to date; None = all is.
    """

    services: int
    states: dict[State, int]
    findings: dict[str, int]
    pods: int
    nodes: int
    loading: tuple[tuple[str, int], ...]
    hidden: tuple[Hidden, ...]
    as_of: str | None
    pending: int


def summary(snapshot: Snapshot, services: Collection[Key] | None = None) -> Summary:
    """The counts of a snapshot; of these Services only, where they are given."""
    keys = snapshot.services if services is None else services
    states: Counter[State] = Counter(state_of(snapshot, Ref("Service", *key)) for key in keys)
    findings: Counter[str] = Counter(
        each.severity for judgment in snapshot.judgments.values() for each in judgment.findings
    )
    stale = {kind: each.as_of for kind, each in snapshot.coverage.items() if each.as_of}
    # Of a kind that hardly ever changes the server says for hours nothing by which it could be dated.
    dated = [stale[kind] for kind in NEEDED if kind in stale] or list(stale.values())
    return Summary(
        services=len(keys),
        states=dict(states),
        findings=dict(findings),
        pods=len(snapshot.pods),
        nodes=len(snapshot.nodes),
        loading=tuple(
            (kind, each.count) for kind, each in snapshot.coverage.items() if each.state == "loading"
        ),
        hidden=hidden(snapshot),
        as_of=min(dated, default=None),
        pending=snapshot.pending,
    )


def hidden(snapshot: Snapshot) -> tuple[Hidden, ...]:
    """The kinds of which something may be missing, in the order of their names, with the reason."""
    return tuple(
        Hidden(kind, _state(coverage), coverage.reason, coverage.as_of is not None)
        for kind, coverage in sorted(snapshot.coverage.items())
        if coverage.state in ("denied", "lost", "not given") or coverage.reason
    )


def alike(found: Iterable[Hidden]) -> Iterator[tuple[list[Hidden], str]]:
    """Kinds that are in one state, or hidden for one reason, together: with the words that hold for all."""
    groups: dict[tuple[bool, str], list[Hidden]] = {}
    for each in found:
        words = each.reason if each.stale else each.state or each.reason
        groups.setdefault((each.stale, words), []).append(each)
    for (stale, words), group in groups.items():
        yield group, words if stale or len(group) > 1 else group[0].words


def _state(coverage: Coverage) -> str:
    """How much is not known: "denied", "known only in shop", …; "" where only the reason tells."""
    if coverage.state not in ("given", "loading", "absent"):
        return coverage.state
    return f"known only in {', '.join(coverage.namespaces)}" if coverage.namespaces is not None else ""
