"""The lab's kubelet, one for all nodes: pods that are bound to a node become places with an echo server.

Theory of operation
1. Store events only mark pods as dirty; one pass at a time compares each dirty pod's object with what runs
   and closes the difference, so that a lost or repeated event does no harm.
2. A deleted pod serves on for its preStop sleep (within its grace period), as a pod that ends in an orderly
   way does; then its place ends and the object goes.
3. Environment and resolv.conf are computed once, at the start: that is why variables grow stale.

Images and commands are never run. Limits: probes are not made; readiness is what the annotation says.
Source: the life cycle of a pod in the Kubernetes documentation; kubelet's status manager.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from ipaddress import IPv4Address
from typing import Any, NamedTuple, Protocol

from kinspect.errors import VantageLost
from kinspect.lab import network, places, podstatus
from kinspect.lab.addresses import NodeAddresses
from kinspect.lab.ground import Ground
from kinspect.lab.network import Cni
from kinspect.lab.places import Place
from kinspect.lab.podenv import environment
from kinspect.lab.podresolver import resolver_file
from kinspect.lab.status import Rejection
from kinspect.lab.store import Event, Store

Json = dict[str, Any]
PodKey = tuple[str, str]

HIGHEST_POD = 254


class Program(Protocol):
    """What runs in a pod instead of the echo server."""

    async def start(self, place: Place) -> None: ...

    async def stop(self, place: Place) -> None: ...


class Running(NamedTuple):
    """A pod that has a place."""

    uid: str
    place: Place
    node: NodeAddresses
    address: IPv4Address
    started: str
    environment: tuple[str, ...]
    program: Program | None


class Dns(NamedTuple):
    """What pods are told about names."""

    address: str
    zone: str
    node_file: str


class Kubelet:
    """Runs pods until cancelled."""

    def __init__(
        self,
        store: Store,
        ground: Ground,
        nodes: Sequence[NodeAddresses],
        cni: Cni,
        dns: Dns,
        programs: Mapping[str, Program],
    ) -> None:
        self.store, self.ground, self.cni, self.dns = store, ground, cni, dns
        self.nodes = {node.name: node for node in nodes}
        self.programs = programs
        self.running: dict[PodKey, Running] = {}
        self._taken: set[IPv4Address] = set()
        self._dirty: set[PodKey] = set()
        self._busy: set[PodKey] = set()
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Follows the Store."""
        unlisten = self.store.listen(self._note)
        for pod in self.store.list("Pod"):
            self._mark(_key(pod))
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    await self._wake.wait()
                    self._wake.clear()
                    for key in self._dirty - self._busy:
                        self._busy.add(key)
                        tasks.create_task(self._settle(key))
        finally:
            unlisten()

    def _note(self, event: Event) -> None:
        if event.kind == "Pod":
            self._mark(_key(event.object))

    def _mark(self, key: PodKey) -> None:
        self._dirty.add(key)
        self._wake.set()

    async def _settle(self, key: PodKey) -> None:
        """Brings one pod to what its object says, until nothing has changed meanwhile."""
        try:
            while key in self._dirty:
                self._dirty.discard(key)
                await self._step(key)
        finally:
            self._busy.discard(key)

    async def _step(self, key: PodKey) -> None:
        pod, running = self.store.find("Pod", *key), self.running.get(key)
        if running and (pod is None or pod["metadata"]["uid"] != running.uid):
            await self._stop(key, running)
            running = None
        if pod is None or pod["spec"].get("nodeName") not in self.nodes:
            return
        if "deletionTimestamp" in pod["metadata"]:
            await self._finish(key, pod, running)
            return
        if running is None:
            try:
                running = await self._start(key, pod)
            except VantageLost as error:
                self._report(key, pod["metadata"]["uid"], partial(_refused, error.message))
                return
        self._report(key, running.uid, partial(self._running, running))

    async def _start(self, key: PodKey, pod: Json) -> Running:
        """Makes a pod's place and starts what runs there. Raises VantageLost when that cannot be."""
        node = self.nodes[pod["spec"]["nodeName"]]
        host_network = bool(pod["spec"].get("hostNetwork"))
        address = node.address if host_network else self._free_address(node)
        place = places.pod(*key)
        variables = environment(pod, self.store.list("Service"), str(address), str(node.address))
        told = tuple(f"{name}={value}" for name, value in variables.items())
        program = self.programs.get(podstatus.annotation(pod, podstatus.RUNS))
        running = Running(pod["metadata"]["uid"], place, node, address, self.store.time(), told, program)
        resolver = resolver_file(pod, self.dns.address, self.dns.zone, self.dns.node_file)
        try:
            if host_network:
                share = places.node(node.name)
                await self.ground.place(place, environment=variables, resolver=resolver, share=share)
            else:
                await network.place_pod(self.ground, place, variables, resolver)
                await network.join(self.ground, place, running.uid, address, node, self.cni)
            await (program.start(place) if program else self.listen(running))
        except VantageLost:
            self._taken.discard(address)
            await self.ground.end(place)
            raise
        self.running[key] = running
        return running

    async def listen(self, running: Running, address: str = "0.0.0.0") -> None:
        """(Re)starts a pod's echo server on the ports that its object declares."""
        place = running.place
        ports = podstatus.live_ports(self.store.get("Pod", place.namespace, place.name), address)
        about = [place.name, place.namespace, running.node.name, running.environment]
        await self.ground.echo(place, about, ports)

    def _running(self, running: Running, pod: Json) -> Json:
        address, host = str(running.address), str(running.node.address)
        before = pod.get("status") or {}
        return podstatus.running(before, pod, self.store.time(), running.started, address, host)

    def _report(self, key: PodKey, uid: str, told: Callable[[Json], Json]) -> None:
        """Writes the status that is told of a pod, if it still is the same one."""
        pod = self.store.find("Pod", *key)
        if pod is not None and pod["metadata"]["uid"] == uid:
            self.store.update("Pod", *key, lambda item: item.update(status=told(item)), "status")

    async def _finish(self, key: PodKey, pod: Json, running: Running | None) -> None:
        """Lets a deleted pod serve on for a while, then ends it and lets its object go."""
        if running:
            await asyncio.sleep(podstatus.linger_s(pod))
            await self._stop(key, running)
        try:
            self.store.delete("Pod", *key, grace_s=0)
        except Rejection:
            return  # somebody forced it away meanwhile

    async def _stop(self, key: PodKey, running: Running) -> None:
        if running.program:
            await running.program.stop(running.place)
        await self.ground.end(running.place)
        del self.running[key]
        self._taken.discard(running.address)

    def _free_address(self, node: NodeAddresses) -> IPv4Address:
        """The lowest free address of the node's segment, above the bridge's."""
        for number in range(2, HIGHEST_POD + 1):
            address = node.pods[number]
            if address not in self._taken:
                self._taken.add(address)
                return address
        raise VantageLost(f"no address is left in {node.pods}, the segment of {node.name}")


def _refused(why: str, pod: Json) -> Json:
    return podstatus.refused(pod.get("status") or {}, pod, why)


def _key(pod: Json) -> PodKey:
    return pod["metadata"]["namespace"], pod["metadata"]["name"]
