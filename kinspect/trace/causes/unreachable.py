"""The packet had no way on: no route where it was last, a router that says so, a next hop that is not there.

A node's route to the pods of another node is the CNI's, and has causes of its own (`tunnel`).
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.observation import PlaceState, Route
from kinspect.model.path import Cause, Hop
from kinspect.trace.causes import Case, Code, at, cause
from kinspect.trace.run import ERRNOS
from kinspect.trace.sighting import Place

CODES = {
    "NOD310": Code(
        "there is no route to the target",
        "Trace from a place that has one, as a pod or a node mostly has, or add it: ip route get tells more.",
    ),
    "NOD311": Code(
        "a router on the way says that it knows no way on",
        "Look at the routes of that router, and whether the machine that it should pass it to is there.",
    ),
    "NOD312": Code(
        "nobody answers for the next hop",
        "Look whether that machine runs, and whether the address is one of the same link.",
    ),
}
_NO_WAY = ("network unreachable", "host unreachable")


def find(case: Case) -> Iterator[Cause]:
    run = case.run
    if run.verdict == "delivered" or run.ended is None or _left(case):
        yield from _told_by_a_router(case)
        return
    state, to = case.states.get(run.ended), _wanted(case)
    route = state.route(to) if state else None
    if route is not None and route.error:
        if case.next_node() is None:
            yield cause(CODES, "NOD310", run.ended, f"{route.error}: it has no way to {to}{_and_why(case)}")
    elif run.error:
        told = f"connect to {to}: {run.error}, {ERRNOS.get(run.error, 'nothing was sent')}"
        yield cause(CODES, "NOD310", run.ended, told)
    elif state is not None and route is not None and (absent := _absent(state, route)):
        yield cause(CODES, "NOD312", run.ended, f"nobody answers for {absent} on {route.device}")
    else:
        yield from _told_by_a_router(case)


def _last(case: Case) -> Hop | None:
    seen = [hop for hop in case.run.hops if hop.matched_by and at(hop.place) == case.run.ended]
    return seen[-1] if seen else None


def _left(case: Case) -> bool:
    """Whether it went on from where it was last: then there was a way."""
    last = _last(case)
    return last is not None and last.way == "out" and last.icmp is None


def _wanted(case: Case) -> str:
    """The address that it should have left for."""
    last = next((hop for hop in reversed(case.run.hops) if hop.matched_by and not hop.icmp), None)
    return case.destination() or (last.dst.address if last and last.dst else case.target.address)


def _and_why(case: Case) -> str:
    """What is special about a cluster IP: nothing but the cluster's nodes and pods can have a way to it."""
    if case.target.service is None or case.target.traffic != "internal" or case.run.ended is None:
        return ""
    if case.run.ended.kind == "declared":
        return ". A cluster IP has a meaning on nodes and in pods only"
    return ". It needs one for a cluster IP too: the route is looked up before the rules translate"


def _absent(state: PlaceState, route: Route) -> str:
    """The next hop, if the kernel has asked for its hardware address in vain; "" = it has not."""
    link, address = state.link(route.device), route.gateway or route.to
    if link is None or link.kind == "vxlan":
        return ""
    asked = (each for each in state.neighbours if (each.address, each.device) == (address, link.name))
    return address if any(not each.hardware for each in asked) else ""


def _told_by_a_router(case: Case) -> Iterator[Cause]:
    said = next((hop for hop in case.run.hops if hop.icmp in _NO_WAY and hop.matched_by), None)
    if said is not None and said.src is not None:
        place = Place(said.place.kind, said.place.name)
        yield cause(CODES, "NOD311", place, f"{said.src.address} answered: {said.icmp}")
