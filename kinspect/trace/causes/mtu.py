"""Packets as large as the pods send them do not pass: a link takes less, and ICMP does not get through.

A large packet of the trace's own proves it for the way there, up to a proxy. The way back, what a proxy asks,
and a trace that could not send one, only show links that take less than the pods send.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kinspect.model.observation import Link
from kinspect.model.path import Cause, Hop
from kinspect.trace.causes import Case, Code, at, cause

CODES = {
    "NOD307": Code(
        "a link on the way has a smaller MTU than the pods",
        "Give the tunnel its MTU back, or lower that of the pods (the CNI's configuration).",
    ),
}


class _Narrow(NamedTuple):
    """A link that a packet left a node by, and that takes less than the pods send."""

    hop: Hop
    link: Link
    largest: int


def find(case: Case) -> Iterator[Cause]:
    """The hole that was met; else the links that may be one, in a direction that was not tried."""
    large = case.run.large
    narrow = list(_narrow(case))
    if large is not None and large.verdict == "dropped":
        here = next((each.link for each in narrow if each.hop.place == large.place), None)
        because = f"{here.name} takes {here.mtu} bytes: " if here else ""
        told = (
            f"{because}a packet of {large.size} bytes was seen last at {large.interface or 'no link'},"
            " and the sender was not told that it is too large"
        )
        yield cause(CODES, "NOD307", at(large.place), told)
    tried = _tried(case) if large is not None else []
    for hop, link, largest in narrow:
        if hop not in tried:
            sends = "sends" if hop.direction == "original" else "answers with"
            told = f"{link.name} takes {link.mtu} bytes, the pod {sends} {largest} (not tried)"
            yield cause(CODES, "NOD307", at(hop.place), told)


def _tried(case: Case) -> list[Hop]:
    """The hops of the way there; behind a proxy another connection begins."""
    ends = (number for number, hop in enumerate(case.run.hops) if "proxied" in hop.actions)
    first = case.run.hops[: next(ends, len(case.run.hops))]
    return [hop for hop in first if hop.direction == "original"]


def _narrow(case: Case) -> Iterator[_Narrow]:
    """The links of nodes that the packet or its answer left by and that take less than its ends send.

    By the MSS, each end of a TCP connection keeps to what the other end's own link takes as well. Any kind of
    link may be one: a node that is a container has a veth for its uplink.
    """
    pods = [
        link
        for hop in case.run.hops
        if hop.place.kind == "pod" and (link := _link(case, hop.place.name, hop.interface))
    ]
    largest = min((link.mtu for link in pods), default=0)
    seen = set()
    for hop in case.run.hops:
        state = case.states.get(at(hop.place))
        link = state.link(hop.interface or "") if state else None
        if hop.place.kind != "node" or hop.way != "out" or link is None or (hop.place, link.name) in seen:
            continue
        seen.add((hop.place, link.name))
        if not link.loopback and 0 < link.mtu < largest:
            yield _Narrow(hop, link, largest)


def _link(case: Case, name: str, interface: str | None) -> Link | None:
    state = next((state for place, state in case.states.items() if place.name == name), None)
    return state.link(interface or "") if state else None
