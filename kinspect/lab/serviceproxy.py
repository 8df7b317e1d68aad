"""Keeps every node's rules as the service proxy writes them, and answers its health ports.

What the rules are is said in `proxy/`; here they are loaded, only when they differ from what was loaded last.
So a rule that somebody removes stays away until a change of the objects changes the node's text, much as
kube-proxy repairs only what it has to rewrite.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal

from kinspect.errors import VantageLost
from kinspect.lab import flannel, places
from kinspect.lab.addresses import NodeAddresses
from kinspect.lab.facts import Facts
from kinspect.lab.ground import Ground
from kinspect.lab.proxy import iptables, nftables
from kinspect.lab.proxy.batches import iptables_batches, nftables_batches
from kinspect.lab.proxy.world import World

Mode = Literal["iptables", "nftables"]

_TOO_LONG = "Message too long"
"""What the kernel says to an unprivileged user who loads many rules at once."""


class ServiceProxy:
    """The service proxies of all nodes. `synced` is set whenever the rules are those of the latest facts."""

    def __init__(self, ground: Ground, facts: Facts, nodes: Sequence[NodeAddresses], mode: Mode) -> None:
        self.ground, self.facts, self.nodes, self.mode = ground, facts, nodes, mode
        self.synced = asyncio.Event()
        self._loaded: dict[str, str] = {}

    async def run(self) -> None:
        """Follows the facts until cancelled."""
        for node in self.nodes:
            await self._prepare(node)
        async for _ in self.facts.changes("Service", "EndpointSlice", "Node"):
            self.synced.clear()
            await self.sync()
            self.synced.set()

    async def sync(self, again: bool = False) -> None:
        """Loads the rules of the facts; `again` also where they should be loaded already."""
        world = self.facts.world()
        if again:
            self._loaded.clear()
        async with asyncio.TaskGroup() as tasks:
            for node in self.nodes:
                tasks.create_task(self.load(node, world))

    async def _prepare(self, node: NodeAddresses) -> None:
        place = places.node(node.name)
        if self.mode == "nftables":
            await self.ground.must(place, ["nft", "-f", "-"], flannel.nftables(node))
        else:
            # Node ports on 127.0.0.1 are a feature of this mode; the kernel must route what it calls martian.
            await self.ground.must(place, ["sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1"])

    async def load(self, node: NodeAddresses, world: World) -> None:
        """Loads the rules that one node has in this world, unless they are the ones loaded last."""
        text = self._rules(node, world)
        if self._loaded.get(node.name) == text:
            return
        place = places.node(node.name)
        if self.mode == "iptables":
            await self._load_iptables(place, text)
        else:
            await self._load_nftables(place, text)
        self._loaded[node.name] = text

    async def _load_iptables(self, place: places.Place, text: str) -> None:
        try:
            await self.ground.must(place, ["iptables-restore"], text)
        except VantageLost as problem:
            if _TOO_LONG not in problem.message:
                raise
            first, *others = iptables_batches(text)
            await self.ground.must(place, ["iptables-restore"], first)
            for piece in others:
                await self.ground.must(place, ["iptables-restore", "--noflush"], piece)

    async def _load_nftables(self, place: places.Place, text: str) -> None:
        try:
            await load_script(self.ground, place, text)
        except VantageLost:
            # An affinity set of another timeout cannot be changed, only made anew.
            await load_script(self.ground, place, f"delete table ip kube-proxy\n{text}")

    def _rules(self, node: NodeAddresses, world: World) -> str:
        """The text that a node's tables are loaded from."""
        if self.mode == "nftables":
            return nftables.render(world, node.name)
        return flannel.spliced(iptables.render(world, node.name), flannel.iptables(node))


async def load_script(ground: Ground, place: places.Place, script: str) -> None:
    """Loads a script of `nft -f`: at once, or in pieces where the kernel takes no more from this user."""
    try:
        await ground.must(place, ["nft", "-f", "-"], script)
    except VantageLost as problem:
        if _TOO_LONG not in problem.message:
            raise
        for piece in nftables_batches(script):
            await ground.must(place, ["nft", "-f", "-"], piece)
