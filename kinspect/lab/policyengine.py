"""Enforces NetworkPolicies on the nodes where a pod runs that is marked for it.

It is a DaemonSet on the host network, as the engines of real clusters are. Once it is deleted (`kubectl -n
kube-system delete daemonset kube-network-policies`) the objects mean nothing, as under flannel alone.
"""

from __future__ import annotations

import asyncio

from kinspect.lab.facts import Facts
from kinspect.lab.ground import Ground
from kinspect.lab.places import Place
from kinspect.lab.policyrules import TABLE, Rules
from kinspect.lab.serviceproxy import load_script
from kinspect.lab.store import Store
from kinspect.model.node import Namespace
from kinspect.model.pod import Pod
from kinspect.model.policy import NetworkPolicy


class PolicyEngine:
    """The program of pods that run "network-policies". Each has its node's network for its own."""

    def __init__(self, ground: Ground, store: Store, facts: Facts) -> None:
        self.ground, self.store, self.facts = ground, store, facts
        self._nodes: dict[Place, str] = {}
        self._loaded: dict[Place, str] = {}
        self._one_at_a_time = asyncio.Lock()

    async def run(self) -> None:
        """Follows the facts until cancelled."""
        async for _ in self.facts.changes("NetworkPolicy", "Pod", "Namespace"):
            for place in tuple(self._nodes):
                await self._load(place)

    async def start(self, place: Place) -> None:
        pod = self.store.get("Pod", place.namespace, place.name)
        self._nodes[place] = pod["spec"]["nodeName"]
        await self._load(place)

    async def stop(self, place: Place) -> None:
        async with self._one_at_a_time:
            del self._nodes[place]
            self._loaded.pop(place, None)
            await self.ground.must(place, ["nft", "delete", "table", *TABLE.split()])

    async def _load(self, place: Place) -> None:
        """Loads the rules of a place's node, unless they are the ones loaded last."""
        async with self._one_at_a_time:
            if place not in self._nodes:
                return  # it has ended meanwhile
            rules = Rules(self.facts.of(NetworkPolicy), self.facts.of(Pod), self.facts.of(Namespace))
            script = rules.script(self._nodes[place])
            if self._loaded.get(place) != script:
                await load_script(self.ground, place, script)
                self._loaded[place] = script
