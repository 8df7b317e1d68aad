"""A real cluster reader in front of a real small API server that misbehaves on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from kinspect.lab.apiserver import ApiServer, Limits
from kinspect.lab.store import Store
from kinspect.model.change import Covered, Remove, Retain, Upsert
from kinspect.model.coverage import Coverage
from kinspect.model.decoding import from_plain
from kinspect.model.kinds import KINDS
from kinspect.model.meta import Key, Object
from kinspect.sources.kube import Cluster, open_cluster
from kinspect.sources.options import ClusterOptions
from kinspect.sources.watcher import Pace

HURRY = Pace(
    slow_page_s=0.3,
    fast_page_s=0.1,
    first_pause_s=0.02,
    longest_pause_s=0.1,
    slow_retry_s=0.15,
    shortest_watch_s=0.05,
    watch_s=60,
)
PATIENCE_S = 15.0

Fault = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


class Rig:
    """`store` behind `server`, read by `cluster`; `objects` and `coverage` are what was folded from it.

    `fault` sees every request first; `seen` lists them as (path, query).
    """

    def __init__(self, directory: Path, **server: Any) -> None:
        self.store = Store(gateway_api=True)
        self.fault: Fault | None = None
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.objects: dict[str, dict[Key, Object]] = {kind: {} for kind in KINDS}
        self.coverage: dict[str, Coverage] = {}
        limits = Limits(largest_page=2, bookmark_every_s=0.2)
        self.server = ApiServer(
            self.store, directory, interceptor=self._intercept, limits=limits, user="tester", **server
        )
        self._changed = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reading is not None:
            await self.cluster.aclose()
            await asyncio.gather(self._reading, return_exceptions=True)
        await self.server.stop()

    def read(self, namespaces: tuple[str, ...] | None = None, **options: Any) -> None:
        """Begins to read, with the kubeconfig that the server wrote."""
        given = ClusterOptions(**{"kubeconfig": str(self.server.kubeconfig), **options})
        self.cluster: Cluster = open_cluster(given, namespaces, HURRY)
        self._reading = asyncio.get_running_loop().create_task(self._fold())

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits for what the changes must bring about; a reader that failed fails the test."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():
                    self._changed.clear()
                    if self._reading is not None and self._reading.done():
                        self._reading.result()
                        raise AssertionError("the reader has ended")
                    await self._changed.wait()
        except TimeoutError:
            told = {kind: each for kind, each in self.coverage.items() if each != Coverage("given")}
            raise AssertionError(f"not reached: {told}, {self.differing()}") from None

    async def settled(self) -> None:
        """Until every kind has been read."""
        await self.until(lambda: len(self.coverage) == len(KINDS) and not self.loading())

    async def equal_to_a_fresh_list(self) -> None:
        """The end of every story: what was folded is what the server has, and known to be so."""
        await self.until(lambda: not self.differing() and self.coverage.get("Service") == Coverage("given"))

    def loading(self) -> list[str]:
        return [kind for kind, each in self.coverage.items() if each.state == "loading"]

    def differing(self) -> list[str]:
        return [
            kind for kind in KINDS if kind in self.store.resources and self.objects[kind] != self.fresh(kind)
        ]

    def fresh(self, kind: str) -> dict[Key, Object]:
        """What a list would say now."""
        found = [from_plain(KINDS[kind], item) for item in self.store.list(kind)]
        return {each.key: each for each in found if isinstance(each, Object)}

    def lists(self, plural: str) -> list[dict[str, str]]:
        """The queries of the lists of a kind so far."""
        return [q for path, q in self.seen if path.endswith(f"/{plural}") and "watch" not in q]

    def watches(self, plural: str) -> list[dict[str, str]]:
        return [q for path, q in self.seen if path.endswith(f"/{plural}") and "watch" in q]

    async def _fold(self) -> None:
        try:
            await self._fold_all()
        finally:
            self._changed.set()

    async def _fold_all(self) -> None:
        async for changes in self.cluster.changes():
            for change in changes:
                objects = self.objects[change.kind]
                match change:
                    case Upsert(objects=new):
                        objects.update((each.key, each) for each in new)
                    case Remove(keys=keys):
                        for key in keys:
                            objects.pop(key, None)
                    case Retain(namespace=namespace, keys=kept):
                        for key in objects.keys() - kept:
                            if namespace in (None, key.namespace):
                                del objects[key]
                    case Covered(kind=kind, coverage=coverage):
                        self.coverage[kind] = coverage
            self._changed.set()

    async def _intercept(self, request: web.Request) -> web.StreamResponse | None:
        self.seen.append((request.path, dict(request.query)))
        return await self.fault(request) if self.fault else None


SERVICE_CIDR = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "ServiceCIDR",
    "metadata": {"name": "kubernetes"},
    "spec": {"cidrs": ["10.96.0.0/16"]},
}


def namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def service(name: str, place: str = "shop", **spec: Any) -> dict[str, Any]:
    ports = [{"port": 80}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": place},
        "spec": {"ports": ports, "selector": {"app": name}, **spec},
    }
