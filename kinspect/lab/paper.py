"""A lab of paper: the same objects behind the same API, and no packet ever moves.

For machines that do not allow namespaces. Everything that is judged from objects can be seen on it; nothing
can be probed or traced.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from kinspect.lab import addons, addresses, apigate
from kinspect.lab.apiserver import ApiServer
from kinspect.lab.applying import apply
from kinspect.lab.controllers import Controllers, PaperKubelet, standard
from kinspect.lab.controllers.bootstrap import bootstrap
from kinspect.lab.store import Store
from kinspect.lab.supervisor import Wishes

_PREFIX = "kinspect-paper-"


@contextlib.asynccontextmanager
async def open_paper(wishes: Wishes) -> AsyncIterator[Path]:
    """The kubeconfig of a lab without a network, for as long as the context lasts."""
    store = Store()
    with _directory() as directory:
        async with ApiServer(store, directory) as api, asyncio.TaskGroup() as tasks:
            bootstrap(store, str(addresses.API_SERVER), apigate.PORT)
            for node in addresses.nodes(wishes.nodes):
                store.create(addons.node(node, store.time()))
            apply(store, (*addons.system(wishes.proxy or "iptables"), *wishes.objects), api.authority.issue)
            controllers = Controllers(store, (*standard(api.certificate_authority.decode()), PaperKubelet()))
            controllers.settle()
            running = tasks.create_task(controllers.run())
            yield api.kubeconfig
            running.cancel()


@contextlib.contextmanager
def _directory() -> Iterator[Path]:
    """A private folder that goes with the context; those of paper labs that were killed go first."""
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
