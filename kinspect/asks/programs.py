"""Finds the eBPF programs that a packet meets: at the links that it passed, and in the socket that sent it.

By bpf(2), which newer data planes are attached with, and by `tc`, for the older way. Only reads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Collection, Iterable, Mapping

import msgspec

from kinspect.asks.ground import Point
from kinspect.errors import KinspectError
from kinspect.model.path import Hop
from kinspect.trace.opaque import Program
from kinspect.trace.sighting import Place
from kinspect.vantage import placestate

TOOL_DEADLINE_S = 5.0


async def met(vantage: Point, points: Mapping[Place, Point], hops: Iterable[Hop]) -> list[Program]:
    """The programs that may be seen. What this user may not ask, or this machine not tell, is left out."""
    links: dict[Place, set[str]] = defaultdict(set)
    for hop in hops:
        links[Place(hop.place.kind, hop.place.name)].add(hop.interface or "")
    found = await _tried(_in_the_socket(vantage))
    for place, names in links.items():
        if place in points:
            found += await _tried(_by_bpf(points[place], names))
            found += await _tried(_by_tc(points[place], names))
    return found


async def _tried(found: Awaitable[list[Program]]) -> list[Program]:
    try:
        return await found
    except (OSError, KinspectError, msgspec.MsgspecError):
        return []


async def _in_the_socket(point: Point) -> list[Program]:
    """Those that the agent's own sockets meet: they send for the vantage."""
    asked = await point.agent.call("socket_programs")
    return [Program(point.place, "", hook, name) for hook, name in asked]


async def _by_bpf(point: Point, names: Collection[str]) -> list[Program]:
    links = {link.number: link.name for link in point.links.values() if link.name in names}
    asked = await point.agent.call("link_programs", net=point.net, links=list(links))
    return [Program(point.place, links[link], hook, name) for link, hook, name in asked]


async def _by_tc(point: Point, names: Collection[str]) -> list[Program]:
    found = []
    listed = await point.agent.run(point.net, *placestate.QUEUES, deadline_s=TOOL_DEADLINE_S)
    for link in placestate.read_filtered(listed):
        for hook in placestate.FILTER_HOOKS if link in names else ():
            command = placestate.filters(link, hook)
            output = await point.agent.run(point.net, *command, deadline_s=TOOL_DEADLINE_S)
            found += [Program(point.place, link, hook, name) for name in placestate.read_filters(output)]
    return found
