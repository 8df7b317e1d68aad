"""A link on the way takes smaller packets than the pods send: large ones depend on ICMP getting through."""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.observation import Link
from kinspect.model.path import Cause
from kinspect.trace.causes import Case, Code, at, cause

CODES = {
    "NOD307": Code(
        "a link on the way has a smaller MTU than the pods",
        "Give the tunnel its MTU back, or lower that of the pods (the CNI's configuration).",
    ),
}


def find(case: Case) -> Iterator[Cause]:
    """Compares the tunnels and uplinks that the packet passed with the pods' own links, either way."""
    pods = [
        link
        for hop in case.run.hops
        if hop.place.kind == "pod" and (link := _link(case, hop.place.name, hop.interface))
    ]
    largest = max((link.mtu for link in pods), default=0)
    seen = set()
    for hop in case.run.hops:
        state = case.states.get(at(hop.place))
        link = state.link(hop.interface or "") if state else None
        if hop.place.kind != "node" or link is None or link.name in seen:
            continue
        seen.add(link.name)
        if link.kind in ("vxlan", "") and not link.loopback and 0 < link.mtu < largest:
            told = f"{link.name} takes {link.mtu} bytes, the pod sends {largest}"
            yield cause(CODES, "NOD307", at(hop.place), told)


def _link(case: Case, name: str, interface: str | None) -> Link | None:
    state = next((state for place, state in case.states.items() if place.name == name), None)
    return state.link(interface or "") if state else None
