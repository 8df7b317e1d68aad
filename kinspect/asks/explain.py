"""Why it went as it went: reads the rules of the node where the packet met the proxy, finds the causes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kinspect.asks import evidence
from kinspect.asks.ground import Point
from kinspect.model.path import Cause
from kinspect.model.snapshot import Snapshot
from kinspect.ruleset.faults import Fault, faults
from kinspect.ruleset.matching import Node
from kinspect.ruleset.model import Ruleset
from kinspect.trace.causes import Case, causes
from kinspect.trace.meeting import Meeting, meeting, with_chain
from kinspect.trace.onward import pod_place
from kinspect.trace.opaque import opaque
from kinspect.trace.policies import called_by_proxy, unread
from kinspect.trace.run import Expectations, Run
from kinspect.trace.sighting import Place
from kinspect.trace.target import Target


class Explaining:
    """Explains the runs of one ask. The rules of a node are read once."""

    def __init__(
        self,
        snapshot: Snapshot,
        target: Target,
        source: str,
        points: Mapping[Place, Point],
        owned: Mapping[Place, frozenset[str]],
    ) -> None:
        self._snapshot, self._target, self._source = snapshot, target, source
        self._points, self._owned = points, owned
        self._rulesets: dict[Place, Ruleset] = {}

    async def explain(
        self, expectations: Expectations, runs: Sequence[Run]
    ) -> tuple[tuple[Cause, ...], list[Run]]:
        """The causes of all runs together, and the runs with the chains that their packets passed."""
        found: dict[Cause, None] = {}
        told: list[Run] = []
        seen: set[object] = set()
        for run in runs:
            met = meeting(self._target, expectations.alternatives, run, self._source)
            ruleset = await self._rules(met)
            chained = run
            wrong: dict[Place, tuple[Fault, ...]] = {}
            if met is not None and ruleset is not None:
                node = Node(self._owned.get(met.place))
                chained = with_chain(run, met, ruleset, node)
                wrong = {met.place: faults(ruleset, met.expectation, node)}
            told.append(self._with_notes(chained))
            likeness = (met and met.place, run.parting and (run.parting.place, run.parting.seen))
            if likeness not in seen:
                seen.add(likeness)
                found.update(dict.fromkeys(await self._causes(expectations, run, wrong)))
        return tuple(found), told

    def _with_notes(self, run: Run) -> Run:
        links = {place: tuple(point.links.values()) for place, point in self._points.items()}
        policies = unread(self._snapshot, self._target.protocol, run, self._owned)
        words = (run.note, opaque(run.hops, links), policies)
        return run._replace(note="; ".join(each for each in words if each))

    async def _rules(self, met: Meeting | None) -> Ruleset | None:
        """The rules of the node; None = it cannot be asked, or there is nothing to ask about."""
        if met is None or met.place not in self._points:
            return None
        if met.place not in self._rulesets:
            self._rulesets[met.place] = await evidence.rules(self._points[met.place])
        ruleset = self._rulesets[met.place]
        return ruleset if ruleset.chains else None

    async def _causes(
        self, expectations: Expectations, run: Run, wrong: Mapping[Place, tuple[Fault, ...]]
    ) -> tuple[Cause, ...]:
        depth = []
        unexpected = (
            run.parting is not None or run.alternative is None or run.alternative.outcome == "unknown"
        )
        if run.verdict != "delivered" and unexpected and run.ended is not None:
            depth.append(run.ended)
        if run.parting is not None:
            depth.append(run.parting.place)
            backend = run.alternative.backend if run.alternative else None
            if backend is not None and backend.pod is not None:
                depth.append(pod_place(backend.pod))
        states = await evidence.states(self._points, run, depth)
        beyond = called_by_proxy(expectations, run)
        return causes(Case(self._target, run, states, self._owned, wrong, self._snapshot, beyond))
