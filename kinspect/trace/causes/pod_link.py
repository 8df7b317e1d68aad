"""The pod's own link: it is down, or its bridge may not send a packet back to where it came from."""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.observation import Link, PlaceState
from kinspect.model.path import Cause
from kinspect.trace.causes import Case, Code, cause

CODES = {
    "NOD306": Code(
        "the link of the pod is down",
        "ip link set DEVICE up on the node; recreate the pod if it does not stay up.",
    ),
    "NOD309": Code(
        "the bridge does not let a pod reach itself (hairpin mode is off)",
        "Set hairpinMode in the CNI's configuration, or bridge link set dev DEVICE hairpin on.",
    ),
}


def find(case: Case) -> Iterator[Cause]:
    state, parting, backend = case.state, case.parting, case.backend_place()
    if state is None or parting is None or backend is None or parting.place.kind != "node":
        return
    pod = case.states.get(backend)
    link = _at_node(state, pod) if pod else None
    if pod is None or link is None:
        return
    ends = [each for each in pod.links if not each.loopback]
    if not link.up or any(not each.up for each in ends):
        where = f"{link.name} on {parting.place}" if not link.up else f"{ends[0].name} in {backend}"
        yield cause(CODES, "NOD306", parting.place, f"{where}, the link of {backend}, is down")
    port = next((each for each in state.ports if each.name == link.name), None)
    itself = bool(case.run.hops) and case.run.hops[0].place.name == backend.name
    if itself and port is not None and not port.hairpin:
        told = f"{link.name}, the bridge port of {backend}, has hairpin off, and {backend} chose itself"
        yield cause(CODES, "NOD309", parting.place, told)


def _at_node(node: PlaceState, pod: PlaceState) -> Link | None:
    """The end on the node of the pod's link: each names the number of the other."""
    for end in pod.links:
        for link in node.links:
            if not end.loopback and (end.peer, link.peer) == (link.number, end.number):
                return link
    return None
