"""The cluster's DNS in the pods that are marked for it: served from here, on sockets of their networks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from kinspect.lab.dns_server import DnsServer
from kinspect.lab.dns_zone import Zone
from kinspect.lab.facts import Facts
from kinspect.lab.ground import Ground
from kinspect.lab.places import Place
from kinspect.model.endpointslice import EndpointSlice
from kinspect.model.node import Namespace
from kinspect.model.service import Service

PORT = 53


class ClusterDns:
    """The program of pods that run "dns"."""

    def __init__(
        self,
        ground: Ground,
        facts: Facts,
        domain: str,
        upstream: Mapping[str, tuple[str, ...]],
    ) -> None:
        self.ground, self.facts = ground, facts
        self._tasks = asyncio.TaskGroup()
        self.domain, self.upstream = domain, upstream
        self._serving: dict[Place, asyncio.Task[None]] = {}
        self._zone = (-1, Zone())

    async def run(self) -> None:
        """Answers until cancelled, in whatever pods are started meanwhile."""
        async with self._tasks:
            await asyncio.get_running_loop().create_future()

    async def start(self, place: Place) -> None:
        udp, tcp = await self.ground.sockets(place, [("UDP", "0.0.0.0", PORT), ("TCP", "0.0.0.0", PORT)])
        self._serving[place] = self._tasks.create_task(DnsServer(self.zone).serve(udp, tcp))

    async def stop(self, place: Place) -> None:
        self._serving.pop(place).cancel()

    def zone(self) -> Zone:
        """The zone of the latest facts."""
        if self._zone[0] != self.facts.version:
            names = frozenset(each.metadata.name for each in self.facts.of(Namespace))
            zone = Zone(
                services=self.facts.of(Service),
                slices=self.facts.of(EndpointSlice),
                namespaces=names,
                domain=self.domain,
                serial=self.facts.version + 1,
                upstream=self.upstream,
            )
            self._zone = (self.facts.version, zone)
        return self._zone[1]
