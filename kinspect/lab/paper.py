"""A cluster of paper: the lab's API, controllers and nodes, with pods that only say that they run.

Everything that can be seen through the API is as in the lab; nothing can be probed or traced. It needs no
rights and no Linux: the demo falls back on it, and tests read from it.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kinspect.lab import addons, addresses
from kinspect.lab.apiserver import ApiServer
from kinspect.lab.applying import apply
from kinspect.lab.certificates import Authority
from kinspect.lab.controllers import Controllers, PaperKubelet, standard
from kinspect.lab.controllers.bootstrap import bootstrap
from kinspect.lab.status import Json
from kinspect.lab.store import Store

if TYPE_CHECKING:
    from kinspect.lab.supervisor import Wishes

_NODES = 3
_PROXY = "iptables"
_API_PORT = 6443
_PREFIX = "kinspect-paper-"


def fill(
    store: Store, items: Iterable[Json], authority: Authority, nodes: int = _NODES, proxy: str = _PROXY
) -> Controllers:
    """Fills an empty Store with nodes, add-ons and the given objects, and lets the controllers settle."""
    bootstrap(store, str(addresses.API_SERVER), _API_PORT)
    controllers = Controllers(store, (*standard(authority.certificate.decode()), PaperKubelet()))
    for given in addresses.nodes(nodes):
        store.create(addons.node(given, store.time()))
    apply(store, addons.system(proxy), authority.issue)
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
async def paper_cluster(
    items: Iterable[Json], *, nodes: int = _NODES, proxy: str = _PROXY
) -> AsyncIterator[Path]:
    """Runs such a cluster behind a real API server on loopback; gives the path of its kubeconfig."""
    store = Store()
    with _directory() as directory:
        async with ApiServer(store, directory) as server:
            controllers = fill(store, items, server.authority, nodes, proxy)
            try:
                async with asyncio.TaskGroup() as tasks:
                    working = tasks.create_task(controllers.run())
                    yield server.kubeconfig
                    working.cancel()
            except BaseExceptionGroup as group:
                # There is one story to tell: the caller's, or why the controllers ended.
                raise group.exceptions[0] from None


def open_paper(wishes: Wishes) -> AbstractAsyncContextManager[Path]:
    """Such a cluster as a lab was wished for."""
    return paper_cluster(wishes.objects, nodes=wishes.nodes, proxy=wishes.proxy or _PROXY)


@contextmanager
def _directory() -> Iterator[Path]:
    """A private folder that goes with the context; those of paper clusters that were killed go first."""
    for old in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        pid = old.name.removeprefix(_PREFIX).partition("-")[0]
        if old.stat().st_uid == os.getuid() and pid.isdigit() and not _runs(int(pid)):
            shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-") as name:
        yield Path(name)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
