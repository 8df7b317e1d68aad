"""Reads at the places in question what may explain a parting, and the rules that the packet met.

Only reads: files below /proc, and tools that list. What cannot be read is left out, and said so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from kinspect.asks.ground import Point
from kinspect.errors import NotPermitted
from kinspect.model.observation import PlaceState
from kinspect.ruleset import conntrack
from kinspect.ruleset.conntrack import Table
from kinspect.ruleset.model import Ruleset
from kinspect.ruleset.reading import read_node
from kinspect.trace.causes.forwarding import FORWARD, reverse_path
from kinspect.trace.run import Run
from kinspect.trace.sighting import Place
from kinspect.vantage import placestate

Found = TypeVar("Found")
TOOL_DEADLINE_S = 5.0
TABLE = "/proc/thread-self/net/nf_conntrack"


async def states(points: Mapping[Place, Point], run: Run, depth: Iterable[Place]) -> dict[Place, PlaceState]:
    """The links of every place, and all the rest of those in `depth`."""
    found = {place: PlaceState(links=tuple(point.links.values())) for place, point in points.items()}
    for place in dict.fromkeys(depth):
        if place in points:
            found[place] = await _Reading(points[place]).state(run)
    return found


async def rules(point: Point) -> Ruleset:
    """The rules of a node, from every tool that lists some."""
    reading = _Reading(point)
    async with asyncio.TaskGroup() as tasks:
        saved = tasks.create_task(reading.run("iptables-nft-save", read=_text))
        legacy = tasks.create_task(reading.run("iptables-legacy-save", read=_text))
        nft = tasks.create_task(reading.run("nft", "-j", "list", "ruleset", read=bytes))
    dumps = [each for each in (saved.result(), legacy.result()) if each is not None]
    return read_node(dumps, nft.result())


async def connection_tables(points: Mapping[Place, Point], port: int) -> dict[Place, Table]:
    """What the kernels of the nodes know of connections from this port, where they can be asked.

    The file is not there on every kernel, the tool not on every machine.
    """
    found: dict[Place, Table] = {}
    mention = f"sport={port} ".encode()
    for place, point in points.items():
        reading = _Reading(point)
        if place.kind != "node":
            continue
        text = await reading.file(TABLE)
        if text is None:
            text = await reading.run("conntrack", "-L", "-o", "extended", read=bytes)
        if text is not None:
            lines = [line for line in text.splitlines() if mention in line]
            found[place] = conntrack.read(_text(b"\n".join(lines)))
    return found


class _Reading:
    """Reads one place, and keeps a list of what it could not read."""

    def __init__(self, point: Point) -> None:
        self._point = point
        self._unread: list[str] = []

    async def run(self, *argv: str, read: Callable[[bytes], Found]) -> Found | None:
        try:
            output = await self._point.agent.run(self._point.net, *argv, deadline_s=TOOL_DEADLINE_S)
            return read(output)
        except (OSError, NotPermitted, msgspec.MsgspecError) as error:
            self._unread.append(f"{' '.join(argv)}: {error}")
            return None

    async def file(self, path: str) -> bytes | None:
        try:
            return await self._point.agent.read(self._point.net, path)
        except (OSError, NotPermitted) as error:
            self._unread.append(f"{path}: {error}")
            return None

    async def state(self, run: Run) -> PlaceState:
        addresses = set(_addresses(run))
        here = (self._point.place.kind, self._point.place.name)
        interfaces = {
            hop.interface for hop in run.hops if hop.interface and (hop.place.kind, hop.place.name) == here
        }
        settings = [FORWARD, *(name for each in sorted(interfaces) for name in reverse_path(each))]
        routes = [await self._route(address) for address in sorted(addresses)]
        return PlaceState(
            links=tuple(self._point.links.values()),
            settings={name: value for name in settings if (value := await self._setting(name)) is not None},
            routes=tuple(each for each in routes if each is not None),
            forwarding=await self.run(*placestate.FORWARDING, read=placestate.read_forwarding) or (),
            neighbours=await self.run(*placestate.NEIGHBOURS, read=placestate.read_neighbours) or (),
            ports=await self.run(*placestate.PORTS, read=placestate.read_ports) or (),
            listeners=await self._listeners(),
            unread=tuple(self._unread),
        )

    async def _setting(self, name: str) -> str | None:
        value = await self.file(f"/proc/sys/{name}")
        return None if value is None else _text(value).strip()

    async def _route(self, address: str) -> Any:
        command = placestate.route_get(address)
        try:
            output = await self._point.agent.run(self._point.net, *command, deadline_s=TOOL_DEADLINE_S)
        except OSError as error:  # the tool says so by its exit code: that there is no way is an answer
            return placestate.read_no_route(address, str(error))
        return placestate.read_route(address, output)

    async def _listeners(self) -> tuple[Any, ...]:
        found: list[Any] = []
        for protocol, path in placestate.SOCKETS.items():
            for each in (path, f"{path}6"):
                table = await self.file(each)
                found += placestate.read_listeners(protocol, table) if table else ()
        return tuple(found)


def _addresses(run: Run) -> Iterator[str]:
    """Every address that a packet of this run had, or should have had."""
    for hop in run.hops:
        told = (hop.src, hop.dst, hop.predicted and hop.predicted.src, hop.predicted and hop.predicted.dst)
        yield from (end.address for end in told if end and end.address)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
