"""The packet went into a tunnel or out by a link, and does not come to the node that it is for."""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.observation import PlaceState, Route
from kinspect.model.path import Cause
from kinspect.trace.causes import Case, Code, cause
from kinspect.trace.sighting import Place

CODES = {
    "NOD303": Code(
        "the route to the pods of that node is missing or leads elsewhere",
        "Look whether the CNI's agent runs on the node, and whether the node has its podCIDR.",
    ),
    "NOD304": Code(
        "the tunnel does not know where that node is",
        "Look whether the CNI's agent runs on the node; it writes the neighbour and forwarding entries.",
    ),
}


def find(case: Case) -> Iterator[Cause]:
    state, last, parting, expected = case.state, case.last, case.parting, case.next_node()
    if state is None or parting is None or last is None or last.dst is None or expected is None:
        return
    route = state.route(case.destination() or last.dst.address)
    if route is None:
        return
    theirs = case.owned.get(expected, frozenset())
    link = state.link(route.device)
    if link is None or link.kind != "vxlan":
        if route.error or (route.gateway not in theirs and not _direct(route, state)):
            way = route.error or f"via {route.gateway or 'no gateway'} dev {route.device}"
            told = f"the route to {route.to} is {way}, which is not {expected}"
            yield cause(CODES, "NOD303", parting.place, told)
        return
    told_missing = _missing(state, route, theirs, expected)
    if told_missing:
        yield cause(CODES, "NOD304", parting.place, told_missing)


def _direct(route: Route, state: PlaceState) -> bool:
    """Whether the destination is on the link itself: a bridge of the node, say."""
    link = state.link(route.device)
    return not route.gateway and link is not None and link.kind == "bridge"


def _missing(state: PlaceState, route: Route, theirs: frozenset[str], expected: Place) -> str:
    """What the tunnel lacks on the way to the gateway; "" = nothing."""
    gateway = route.gateway or route.to
    neighbour = next(
        (each for each in state.neighbours if each.address == gateway and each.device == route.device), None
    )
    if neighbour is None or not neighbour.hardware:
        return f"{route.device} has no neighbour entry for {gateway}"
    entries = [
        each
        for each in state.forwarding
        if each.device == route.device and each.hardware == neighbour.hardware and each.dst
    ]
    if not entries:
        return f"{route.device} has no forwarding entry for {neighbour.hardware}, the hardware of {gateway}"
    if theirs and not any(each.dst in theirs for each in entries):
        return f"{route.device} sends {neighbour.hardware} to {entries[0].dst}, which is not {expected}"
    return ""
