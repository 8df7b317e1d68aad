"""The Store's objects as the model's facts, for the parts of the lab that read facts: proxy, DNS and others.

An object is decoded once per write, not once per reader.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from kinspect.lab.proxy.world import World
from kinspect.lab.store import Event, Store
from kinspect.model.decoding import Malformed, from_plain
from kinspect.model.endpointslice import EndpointSlice
from kinspect.model.ingress import Ingress, IngressClass
from kinspect.model.kinds import KINDS
from kinspect.model.meta import Object
from kinspect.model.node import Namespace, Node
from kinspect.model.pod import Pod
from kinspect.model.policy import NetworkPolicy
from kinspect.model.service import Service

F = TypeVar("F", bound=Object)

KINDS_READ: tuple[type[Object], ...] = (
    Service,
    EndpointSlice,
    Node,
    Namespace,
    Pod,
    Ingress,
    IngressClass,
    NetworkPolicy,
)

SETTLE_S = 0.02
"""How long a burst of changes may go on before a follower looks: a rollout is one change, not twenty."""


class _Follower:
    """Somebody who acts on changes of some kinds."""

    def __init__(self, kinds: frozenset[str]) -> None:
        self.kinds = kinds
        self.wake = asyncio.Event()
        self.behind = True


class Facts:
    """Facts that follow the Store. `version` grows with every change of them."""

    def __init__(self, store: Store, cluster_cidr: str, service_cidrs: tuple[str, ...]) -> None:
        self.version = 0
        self._cluster_cidr = cluster_cidr
        self._service_cidrs = service_cidrs
        self._by_kind: dict[str, dict[tuple[str, str], Object]] = {t.__name__: {} for t in KINDS_READ}
        self._followers: list[_Follower] = []
        for kind in self._by_kind:
            for plain in store.list(kind):
                self._take(Event("ADDED", kind, plain, None, store.version))
        store.listen(self._take)

    def of(self, kind: type[F]) -> tuple[F, ...]:
        """All facts of a kind."""
        return tuple(fact for fact in self._by_kind[kind.__name__].values() if isinstance(fact, kind))

    def world(self) -> World:
        """What a service proxy is told."""
        return World(
            services=self.of(Service),
            slices=self.of(EndpointSlice),
            nodes=self.of(Node),
            cluster_cidr=self._cluster_cidr,
            service_cidrs=self._service_cidrs,
        )

    async def changes(self, *kinds: str) -> AsyncIterator[None]:
        """Yields at once, and then after every burst of changes of these kinds."""
        follower = _Follower(frozenset(kinds))
        self._followers.append(follower)
        try:
            while True:
                yield  # whoever follows comes back here when it has done what the change asked for
                follower.behind = follower.wake.is_set()
                await follower.wake.wait()
                await asyncio.sleep(SETTLE_S)
                follower.wake.clear()
        finally:
            self._followers.remove(follower)

    @property
    def followed(self) -> bool:
        """Whether all who follow have done what the latest change asked for."""
        return not any(follower.behind for follower in self._followers)

    def _take(self, event: Event) -> None:
        for follower in self._followers:
            if event.kind in follower.kinds:
                follower.behind = True
                follower.wake.set()
        facts = self._by_kind.get(event.kind)
        if facts is None:
            return
        self.version = event.version
        meta = event.object["metadata"]
        key = (meta.get("namespace", ""), meta["name"])
        fact = from_plain(KINDS[event.kind], event.object)
        if event.type == "DELETED" or isinstance(fact, Malformed):
            facts.pop(key, None)
        else:
            facts[key] = fact
