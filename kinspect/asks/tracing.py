"""All attempts of one trace: watches every place, sends, reads what was seen, and has it explained."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from kinspect.asks.attempt import Performer
from kinspect.asks.capture import Captures
from kinspect.asks.explain import Explaining
from kinspect.asks.ground import Ground, Point, place_of
from kinspect.asks.programs import met
from kinspect.errors import KinspectError, VantageLost
from kinspect.model.meta import Key, Ref
from kinspect.model.path import Address, Cause, Trace
from kinspect.model.service import ServicePort
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import backends
from kinspect.trace import answer, opaque
from kinspect.trace.bpf import Flow
from kinspect.trace.declared import declared_causes
from kinspect.trace.expected import Alternative, Vantage, expect
from kinspect.trace.methods import Method
from kinspect.trace.misnamed import missing
from kinspect.trace.onward import pod_place
from kinspect.trace.pcapng import Record
from kinspect.trace.run import Expectations, Run, run_of
from kinspect.trace.sighting import Place
from kinspect.trace.target import Target, at_address
from kinspect.vantage.presence import still_there


@dataclass(frozen=True)
class TraceAsk:
    """What is to be traced. `method` None = the one that suits the target best."""

    target: str
    vantage: str = "here"
    namespace: str = "default"
    protocol: str = ""
    method: str | None = None
    repeat: int = 1
    sudo: bool = False


class Traced(NamedTuple):
    """The answer, and the packets that it was read from, the hops among them named.

    `lost` = why there are fewer attempts than were asked for: the vantage went away. None = there are all.
    """

    trace: Trace
    packets: tuple[Record, ...]
    lost: VantageLost | None = None


def services_of(target: Target) -> Iterable[tuple[Key, ServicePort]]:
    if target.service is not None and target.port is not None:
        yield target.service, target.port
    if target.upstream is not None:
        yield target.upstream


def vantage_of(snapshot: Snapshot, ref: Ref, address: str) -> Vantage:
    """The vantage as predictions want it; `address` is used when the objects tell none."""
    place = place_of(ref)
    if ref.kind == "Pod":
        pod = snapshot.pods.get(ref.key)
        if pod is None:
            raise missing("pod", ref.key, snapshot.pods)
        return Vantage(place, pod.ips[0] if pod.ips else address, pod.spec.node_name)
    if ref.kind == "Node":
        node = snapshot.nodes.get(ref.key)
        if node is None:
            raise missing("node", ref.key, snapshot.nodes)
        return Vantage(place, address or next(iter(node.internal_ips), ""), ref.name)
    return Vantage(place, address, "")


def _lost_in(error: BaseException) -> VantageLost | None:
    """The lost vantage that this error is, or all of a group of tasks; None = it is something else."""
    while isinstance(error, BaseExceptionGroup) and error.split(VantageLost)[1] is None:
        error = error.exceptions[0]
    return error if isinstance(error, VantageLost) else None


class Tracing:
    """All attempts of one ask."""

    def __init__(
        self,
        snapshot: Snapshot,
        ask: TraceAsk,
        target: Target,
        method: tuple[str, Method],
        point: Point,
        points: dict[Place, Point],
        unseen: dict[Place, KinspectError],
    ) -> None:
        self._snapshot, self._ask, self._target = snapshot, ask, target
        self._name, self._method = method
        self._point, self._points = point, points
        self._unseen = {place: why.message for place, why in unseen.items()}
        self._owned = {place: each.addresses for place, each in points.items()}
        self._packets: list[Record] = []
        self._lost = 0
        self._hole = False

    async def run(self, ref: Ref, ground: Ground) -> Traced:
        vantage = vantage_of(self._snapshot, ref, await self._source())
        expectations = self._expectations(vantage)
        chance = random.SystemRandom()
        place = ground.found.known.get(ref)
        runs: list[Run] = []
        causes: tuple[Cause, ...] = ()
        programs: Iterable[str] = ()
        lost: VantageLost | None = None
        explaining = Explaining(self._snapshot, self._target, vantage.address, self._points, self._owned)
        try:
            while len(runs) < self._ask.repeat:
                run = await self._attempt(expectations, chance)
                if run.verdict != "delivered" and place is not None and not still_there(place.namespace):
                    raise VantageLost(f"{self._ask.vantage} went away while it was traced from.")
                runs.append(run)
            causes, runs = await explaining.explain(expectations, runs)
            hops = [hop for run in runs for hop in run.hops if hop.matched_by]
            programs = opaque.hooked(await met(self._point, self._points, hops))
        except (VantageLost, BaseExceptionGroup) as error:
            lost = _lost_in(error)
            if lost is None or not runs:
                raise
        declared = [each for run in runs for each in declared_causes(self._snapshot, self._target, run)]
        causes = tuple(dict.fromkeys((*causes, *declared)))
        unseen = self._unseen_on(expectations)
        told = answer.answer(self._target, self._ask.vantage, self._name, runs, unseen, self._lost, causes)
        told = msgspec.structs.replace(told, notes=(*told.notes, *programs))
        if lost is not None:
            after = f"vantage lost after {len(runs)} of {self._ask.repeat} attempts: {lost.message}"
            told = msgspec.structs.replace(told, notes=(*told.notes, after))
        return Traced(told, tuple(self._packets), lost)

    async def _source(self) -> str:
        """The address that packets to the target are sent from; "" = there is no route to it."""
        connect = {"net": self._point.net, "kind": "udp", "deadline_s": 1.0}
        agent = self._point.agent
        result = await agent.call("connect", remote=[self._target.address, self._target.number], **connect)
        if result["socket"] is None:
            return ""
        await agent.call("close", handle=result["socket"])
        return str(result["local"][0])

    def _expectations(self, vantage: Vantage) -> Expectations:
        asked = Address(self._target.address, self._target.number)
        first = expect(self._snapshot, self._target, vantage, self._owned)
        if self._target.upstream is None:
            return Expectations(asked, first, None)
        proxies = {each.backend.pod for each in first if each.backend and each.backend.pod}
        return Expectations(asked, first, {pod_place(pod): self._beyond(pod) for pod in proxies})

    def _beyond(self, proxy: Key) -> list[Alternative]:
        """What a proxy's own connection may do: it calls a backend's address, or the Service's."""
        assert self._target.upstream is not None
        key, port = self._target.upstream
        service = self._snapshot.services[key]
        vantage = vantage_of(self._snapshot, Ref("Pod", *proxy), "")
        found: list[Alternative] = []
        for backend in backends(self._snapshot, service, port):
            called = at_address(self._target.text, self._snapshot, backend.address, backend.port or 0)
            straight = expect(self._snapshot, called, vantage, self._owned)
            found += [each._replace(backend=backend) for each in straight]
        for ip in service.virtual_ips:
            called = at_address(self._target.text, self._snapshot, ip, port.port)
            found += expect(self._snapshot, called, vantage, self._owned)
        return found

    def _flows(self) -> list[Flow]:
        """The ends of connections whose numbers cannot be known before: backends, and a proxy's too."""
        return [
            Flow(backend.address, backend.port or 0)
            for service, port in services_of(self._target)
            for backend in backends(self._snapshot, self._snapshot.services[service], port)
            if backend.address_type == "IPv4"
        ]

    async def _attempt(self, expectations: Expectations, chance: random.Random) -> Run:
        captures = Captures(self._points.values())
        try:
            performer = Performer(self._point, captures, self._points, not self._hole)
            attempt = await performer.perform(self._method.run(self._target, self._flows(), chance))
        finally:
            await captures.stop()
        self._lost += captures.lost
        self._unseen.update(captures.blind)
        run = run_of(
            attempt, captures.sightings, expectations, self._owned, captures.watched, captures.lost == 0
        )
        self._packets += captures.records(run)
        self._hole = self._hole or (run.large is not None and run.large.verdict == "dropped")
        return run

    def _unseen_on(self, expectations: Expectations) -> dict[Place, str]:
        """The places that were predicted and could not be watched; others do not matter."""
        alternatives = [*expectations.alternatives]
        for beyond in (expectations.beyond or {}).values():
            alternatives += beyond
        visited = {visit.place for each in alternatives for visit in each.visits}
        return {place: reason for place, reason in self._unseen.items() if place in visited}
