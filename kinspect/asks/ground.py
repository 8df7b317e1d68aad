"""The places of a cluster that this machine can reach, each with an agent in its network namespace."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from kinspect.errors import KinspectError, NotPermitted, UsageError, VantageLost
from kinspect.model.meta import Ref
from kinspect.model.observation import Link
from kinspect.model.snapshot import Snapshot
from kinspect.trace.sighting import Place
from kinspect.vantage import links, places, proc
from kinspect.vantage.connection import WITHOUT_RIGHTS, Agent, started

HERE = Ref(places.DECLARED, "", "here")
"""The network namespace that kinspect itself runs in."""

LINKS_DEADLINE_S = 10.0
"""Long, since without its links a place is lost to the trace; it takes milliseconds on a machine at rest."""

_OWN = 0
"""The user namespace of the agent that was started first, in place of an inode."""

_KINDS = {"Pod": "pod", "Node": "node", places.DECLARED: "declared"}


class Point(NamedTuple):
    """A place with an agent in it. `links` by number, as they were when it was entered."""

    place: Place
    agent: Agent
    net: int
    links: Mapping[int, Link]

    @property
    def addresses(self) -> frozenset[str]:
        return frozenset(each for link in self.links.values() if not link.loopback for each in link.addresses)


def place_of(ref: Ref) -> Place:
    """The place that packets are seen at, of an object that has one."""
    name = f"{ref.namespace}/{ref.name}" if ref.kind == "Pod" else ref.name
    return Place(_KINDS[ref.kind], name)  # type: ignore[arg-type]


class Ground:
    """Made by `opened`. `found` are the places of this cluster on this machine."""

    def __init__(
        self, stack: AsyncExitStack, found: places.Places, hidden: int, own: Agent, sudo: bool
    ) -> None:
        self.found = found
        self._hidden = hidden
        self._stack = stack
        self._sudo = sudo
        self._agents: dict[int, Agent] = {_OWN: own}
        self._points: dict[Place, Point] = {}

    def here(self) -> Ref:
        """The place that kinspect itself is at: one of the cluster's, on a node say, or HERE."""
        inode = Path("/proc/self/ns/net").stat().st_ino
        for ref, place in self.found.known.items():
            if place.namespace.path.inode == inode:
                return ref
        return HERE

    def why_not(self, ref: Ref) -> KinspectError:
        """Why a place is not found: it may be among what this user may not look into."""
        for doubt in self.found.doubts:
            if ref in doubt.refs:
                return VantageLost(doubt.reason)
        nobody = "no network namespace on this machine is known to be its own"
        if not self._hidden:
            return VantageLost(nobody)
        hidden = "1 process" if self._hidden == 1 else f"{self._hidden} processes"
        return NotPermitted(
            f"{nobody}, and {hidden} may not be looked into (CAP_SYS_PTRACE)",
            "--sudo raises the agent, nothing else, and it looks into all of them.\n" + WITHOUT_RIGHTS,
        )

    async def reach(self, refs: Iterable[Ref]) -> tuple[dict[Place, Point], dict[Place, KinspectError]]:
        """Points at those places that can be reached, and why the others cannot. Each is entered once."""
        unreached: dict[Place, KinspectError] = {}
        points: dict[Place, Point] = {}
        wanted: dict[Ref, places.NetNamespace | None] = {}
        for ref in refs:
            known, place = self.found.known.get(ref), place_of(ref)
            if place in self._points:
                points[place] = self._points[place]
            elif known is not None:
                wanted[ref] = known.namespace
            elif ref == HERE:
                wanted[ref] = None
            else:
                unreached[place] = self.why_not(ref)
        for namespace in wanted.values():
            await self._agent(namespace)
        async with asyncio.TaskGroup() as tasks:
            for ref, namespace in wanted.items():
                tasks.create_task(self._enter(ref, namespace, points, unreached))
        self._points |= points
        return points, unreached

    async def _agent(self, namespace: places.NetNamespace | None) -> Agent:
        """The agent of the user namespace that owns this network namespace; started once."""
        owner = namespace.owner if namespace else None
        key = owner.inode if owner else _OWN  # many paths lead to one user namespace
        if key not in self._agents:
            self._agents[key] = await self._stack.enter_async_context(started(owner, self._sudo))
        return self._agents[key]

    async def _enter(
        self,
        ref: Ref,
        namespace: places.NetNamespace | None,
        points: dict[Place, Point],
        unreached: dict[Place, KinspectError],
    ) -> None:
        place = place_of(ref)
        try:
            agent = await self._agent(namespace)
            net = await (agent.enter_any(namespace.paths) if namespace else agent.enter(None))
            listed = links.parse(await agent.run(net, *links.COMMAND, deadline_s=LINKS_DEADLINE_S))
        except (KinspectError, OSError) as error:
            unreached[place] = error if isinstance(error, KinspectError) else VantageLost(str(error))
            return
        point = Point(place, agent, net, {each.number: each for each in listed})
        known = self.found.known.get(ref)
        if known is not None and known.by == "address" and not known.namespace.addresses & point.addresses:
            unreached[place] = VantageLost(
                "its address is held by a loopback link only, which proves nothing"
            )
        else:
            points[place] = point


class Beginning(NamedTuple):
    """Made by `begun`: the first agent is at work, which can be while the cluster is still read."""

    stack: AsyncExitStack
    own: Agent
    sudo: bool

    async def ground(self, snapshot: Snapshot) -> Ground:
        """The ground of this cluster. Raises NotPermitted or VantageLost."""
        listing = await proc.net_namespaces(self.own)
        found = places.find(listing.namespaces, snapshot)
        return Ground(self.stack, found, listing.hidden, self.own, self.sudo)


@asynccontextmanager
async def opened(snapshot: Snapshot, sudo: bool) -> AsyncIterator[Ground]:
    """The ground of this cluster; its agents end on leaving. Raises UsageError anywhere but on Linux."""
    async with begun(sudo) as beginning:
        yield await beginning.ground(snapshot)


@asynccontextmanager
async def begun(sudo: bool) -> AsyncIterator[Beginning]:
    """What a ground begins with, whatever the cluster is. Raises UsageError anywhere but on Linux."""
    if sys.platform != "linux":
        raise UsageError(
            "Packets can only be traced on Linux, where the places are.", "--expect-only predicts."
        )
    async with AsyncExitStack() as stack:
        yield Beginning(stack, await stack.enter_async_context(started(None, sudo)), sudo)
