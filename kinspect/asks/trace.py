"""Traces a path: what the words of an ask mean, where packets are sent from and watched; predicts it, too."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from kinspect.asks.ground import HERE, Ground, begun, opened, place_of
from kinspect.asks.tracing import TraceAsk, Traced, Tracing, services_of, vantage_of
from kinspect.errors import KinspectError, NotPermitted, UsageError
from kinspect.model.meta import Ref
from kinspect.model.path import Trace
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import backends
from kinspect.trace import answer, dissect
from kinspect.trace.expected import expect
from kinspect.trace.methods import Method, choose
from kinspect.trace.misnamed import no_pod_address
from kinspect.trace.policies import with_policies
from kinspect.trace.target import Target, resolve
from kinspect.vantage.places import DECLARED

__all__ = [
    "TraceAsk",
    "Traced",
    "begun",
    "predict",
    "trace",
    "trace_on",
    "vantage_ref",
    "vantage_words",
    "vantages",
]


def predict(snapshot: Snapshot, ask: TraceAsk) -> Trace:
    """What should happen, from declared state alone. Sends nothing and looks at nothing."""
    target = resolve(ask.target, snapshot, ask.namespace, ask.protocol)
    ref = vantage_ref(ask.vantage, ask.namespace)
    vantage = vantage_of(snapshot, ref, "")
    ways = expect(snapshot, target, vantage, {})
    told = answer.predicted(target, ask.vantage, ways)
    return with_policies(snapshot, target.protocol, ways, told)


async def trace(snapshot: Snapshot, ask: TraceAsk) -> Traced:
    """Traces on this machine. Raises UsageError, NotPermitted or VantageLost."""
    asked = _asked(snapshot, ask)
    async with opened(snapshot, ask.sudo) as ground:
        return await _traced(ground, snapshot, ask, asked)


async def trace_on(ground: Ground, snapshot: Snapshot, ask: TraceAsk) -> Traced:
    """One of many traces from the same ground: its places are found and entered once for all of them."""
    return await _traced(ground, snapshot, ask, _asked(snapshot, ask))


class _Asked(NamedTuple):
    """What the words of an ask mean."""

    target: Target
    method: tuple[str, Method]
    vantage: Ref


def _asked(snapshot: Snapshot, ask: TraceAsk) -> _Asked:
    target = resolve(ask.target, snapshot, ask.namespace, ask.protocol)
    ref = vantage_ref(ask.vantage, ask.namespace)
    if ref.kind in ("Pod", "Node"):
        vantage_of(snapshot, ref, "")  # that it is not there is said before any place is looked for
    pod = snapshot.pods.get(ref.key) if ref.kind == "Pod" else None
    if pod is not None and (pod.terminal or not pod.ips):
        raise no_pod_address(pod)
    return _Asked(target, choose(ask.method, target), ref)


async def _traced(ground: Ground, snapshot: Snapshot, ask: TraceAsk, asked: _Asked) -> Traced:
    ref = ground.here() if asked.vantage == HERE else asked.vantage
    way = _on_the_way(snapshot, asked.target, ground)
    reaching = ground.reach(dict.fromkeys([ref, *way]))
    ready = asyncio.to_thread(dissect.prepare) if asked.method[1].BUILDS else asyncio.sleep(0)
    (points, unseen), _ = await asyncio.gather(reaching, ready)
    point = points.get(place_of(ref))
    if point is None:
        raise _unreached(ask, ref, unseen[place_of(ref)], ground)
    return await Tracing(snapshot, ask, asked.target, asked.method, point, points, unseen).run(ref, ground)


def _unreached(ask: TraceAsk, ref: Ref, why: KinspectError, ground: Ground) -> KinspectError:
    """Why packets cannot be sent from a place, and from which others they can be."""
    declared = sorted(each.name for each in ground.found.known if each.kind == DECLARED)
    places = f"Places: {', '.join([*declared, 'here'])}, node/NAME, pod/NAMESPACE/NAME."
    if ref.kind == DECLARED and ref not in ground.found.known and not isinstance(why, NotPermitted):
        return UsageError(f"No place that can be reached is called {ref.name}: {why.message}.", places)
    hint = "\n".join(each for each in (why.hint, places * (ref.kind == DECLARED)) if each)
    return type(why)(f"{ask.vantage} cannot be traced from: {why.message}", hint)


def vantage_ref(text: str, namespace: str) -> Ref:
    """The place that these words mean: here, pod/[NAMESPACE/]NAME, node/NAME, or a declared one's name."""
    match text.split("/"):
        case ["here"]:
            return HERE
        case ["pod", name]:
            return Ref("Pod", namespace, name)
        case ["pod", space, name]:
            return Ref("Pod", space, name)
        case ["node", name]:
            return Ref("Node", "", name)
        case [name] if name:
            return Ref(DECLARED, "", name)
    raise UsageError(f"{text!r} is no vantage", "here, pod/NAMESPACE/NAME, node/NAME, or a declared place.")


async def vantages(snapshot: Snapshot) -> tuple[str, ...]:
    """The places on this machine from which a trace can start, as `TraceAsk.vantage` takes them.

    Places that the cluster declares come first, then nodes, pods, the program's own place, and last the
    machine's named network namespaces, which may belong to anything.
    """
    async with opened(snapshot, sudo=False) as ground:
        known = ground.found.known
        own = [ref for ref, place in known.items() if place.by != "name"]
        order = {DECLARED: 0, "Node": 1, "Pod": 2}
        own.sort(key=lambda ref: (order[ref.kind], ref))
        named = sorted(ref for ref in known if ref not in own)
        return (*(vantage_words(ref) for ref in own), "here", *(vantage_words(ref) for ref in named))


def vantage_words(ref: Ref) -> str:
    """The words that `vantage_ref` reads as this place."""
    match ref.kind:
        case "Pod":
            return f"pod/{ref.namespace}/{ref.name}"
        case "Node":
            return f"node/{ref.name}"
        case _:
            return ref.name


def _on_the_way(snapshot: Snapshot, target: Target, ground: Ground) -> Iterable[Ref]:
    """Where the packet may come by: every node, every candidate backend, and what lies outside."""
    yield from (Ref("Node", "", key.name) for key in snapshot.nodes)
    for service, port in services_of(target):
        for backend in backends(snapshot, snapshot.services[service], port):
            if backend.pod is not None and not snapshot.pods[backend.pod].spec.host_network:
                yield Ref("Pod", *backend.pod)
    for key in snapshot.index.pods_by_ip.get(target.address, ()):
        if not snapshot.pods[key].spec.host_network:
            yield Ref("Pod", *key)
    declared = (
        ref for ref, place in ground.found.known.items() if ref.kind == DECLARED and place.by != "name"
    )
    yield from declared
