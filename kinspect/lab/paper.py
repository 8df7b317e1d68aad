"""A cluster of paper: the lab's API, controllers and nodes, with pods that only say that they run.

Everything that can be seen through the API is as in the lab; no packet moves. It needs no rights and no
Linux: the demo falls back on it, and tests read from it.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path

from kinspect.lab import addons, addresses
from kinspect.lab.apiserver import ApiServer
from kinspect.lab.applying import apply
from kinspect.lab.certificates import Authority
from kinspect.lab.controllers import Controllers, PaperKubelet, standard
from kinspect.lab.controllers.bootstrap import bootstrap
from kinspect.lab.status import Json
from kinspect.lab.store import Store

_NODES = 3
_API_ADDRESS = str(addresses.NODE_GATEWAY)
_API_PORT = 6443


def fill(store: Store, items: Iterable[Json], authority: Authority, nodes: int = _NODES) -> Controllers:
    """Fills an empty Store with nodes, add-ons and the given objects, and lets the controllers settle."""
    bootstrap(store, _API_ADDRESS, _API_PORT)
    controllers = Controllers(store, (*standard(authority.certificate.decode()), PaperKubelet()))
    for given in addresses.nodes(nodes):
        store.create(addons.node(given, store.time()))
    apply(store, addons.system("iptables"), authority.issue)
    controllers.settle()
    apply(store, items, authority.issue)
    controllers.settle()
    return controllers


def settled(items: Iterable[Json], *, now: datetime, seed: int = 0) -> list[Json]:
    """All objects of such a cluster: always the same, certificates apart, for the same arguments."""
    store = Store(clock=lambda: now, rng=random.Random(seed), window=0)
    fill(store, items, Authority()).stop()
    return [item for kind in store.resources for item in store.list(kind)]


@asynccontextmanager
async def paper_cluster(items: Iterable[Json], *, nodes: int = _NODES) -> AsyncIterator[Path]:
    """Runs such a cluster behind a real API server on loopback; gives the path of its kubeconfig."""
    store = Store()
    with tempfile.TemporaryDirectory(prefix="kinspect-paper-") as directory:
        async with ApiServer(store, Path(directory)) as server, asyncio.TaskGroup() as tasks:
            working = tasks.create_task(fill(store, items, server.authority, nodes).run())
            try:
                yield server.kubeconfig
            finally:
                working.cancel()
                with suppress(asyncio.CancelledError):
                    await working
