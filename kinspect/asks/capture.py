"""Captures at every point at once: what the agents hear becomes sightings, and stays for a pcap file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from kinspect.asks.ground import Point
from kinspect.errors import NotPermitted
from kinspect.trace.bpf import Program
from kinspect.trace.packet import read
from kinspect.trace.pcapng import Record
from kinspect.trace.run import Run
from kinspect.trace.sighting import Place, Sighting
from kinspect.vantage.connection import Packet


class Captured(NamedTuple):
    """A packet as it was captured, for the record."""

    place: Place
    interface: str
    packet: Packet


class Captures:
    """The captures of one attempt. Frames that a place merely overheard are no sightings of its own."""

    def __init__(self, points: Iterable[Point]) -> None:
        self.sightings: list[Sighting] = []
        self.packets: list[Captured] = []
        self.lost = 0
        self.blind: dict[Place, str] = {}
        self._points = tuple(points)
        self._running: list[tuple[Point, int]] = []
        self._news = asyncio.Event()

    async def start(self, program: Program) -> None:
        """Starts at every point; where that is not permitted, the place is blind."""
        async with asyncio.TaskGroup() as tasks:
            for point in self._points:
                tasks.create_task(self._start(point, program))

    async def _start(self, point: Point, program: Program) -> None:
        def hear(packet: Packet) -> None:
            self._hear(point, packet)

        try:
            self._running.append((point, await point.agent.watch(point.net, program, hear)))
        except NotPermitted as error:
            self.blind[point.place] = error.message

    def _hear(self, point: Point, packet: Packet) -> None:
        link = point.links.get(packet.interface)
        interface = link.name if link else f"if{packet.interface}"
        self.packets.append(Captured(point.place, interface, packet))
        parsed = read(packet.data)
        forwarded = link is not None and link.master != ""  # a bridge's port hears what it passes on
        if parsed is not None and (forwarded or not packet.overheard):
            order = len(self.sightings)
            self.sightings.append(
                Sighting(point.place, interface, packet.outgoing, packet.time_ns, order, parsed)
            )
            self._news.set()

    async def news(self) -> None:
        """Returns when something was seen since the last call."""
        await self._news.wait()
        self._news.clear()

    async def stop(self) -> None:
        """Ends all captures, after their last packets."""
        for point, capture in self._running:
            self.lost += await point.agent.unwatch(capture)
        self._running = []

    def records(self, run: Run) -> list[Record]:
        """Every packet for a pcap file; those that are hops of this run have the hop's words as comment."""
        comments: dict[tuple[object, ...], str] = {
            (hop.place.name, hop.interface, hop.way, hop.time_ns): f"hop {number}: {' '.join(hop.actions)}"
            for number, hop in enumerate(run.hops, 1)
        }
        found = []
        for place, interface, packet in self.packets:
            way = "out" if packet.outgoing else "in"
            comment = comments.get((place.name, interface, way, packet.time_ns - run.started_ns), "")
            point = f"{place} {interface}"
            record = Record(point, packet.outgoing, packet.time_ns, packet.length, packet.data, comment)
            found.append(record)
        return found

    @property
    def watched(self) -> frozenset[Place]:
        """The places where nothing can have passed unseen."""
        return frozenset(point.place for point in self._points if point.place not in self.blind)
