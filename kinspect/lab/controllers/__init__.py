"""The lab's controllers: each brings one kind of thing to what its objects say, whenever an object changes.

1. A controller names the keys that an event concerns, and can bring one key up to date (`sync`).
2. `sync` reads the present state only, never the event: a lost or repeated event does no harm.
3. It writes at once and never waits. Everything runs in one loop, so nobody writes in between.
4. Writes make events, events make keys dirty; when no key is dirty, the cluster has settled.

They do as the controllers of a real Kubernetes do, as far as it shows in objects; each file says its limits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Protocol

from kinspect.lab.controllers.daemonsets import DaemonSets
from kinspect.lab.controllers.deployments import Deployments
from kinspect.lab.controllers.endpointslices import EndpointSlices
from kinspect.lab.controllers.garbage import Garbage
from kinspect.lab.controllers.ingresses import Ingresses
from kinspect.lab.controllers.legacy_endpoints import LegacyEndpoints
from kinspect.lab.controllers.load_balancers import LoadBalancers
from kinspect.lab.controllers.mirroring import Mirroring
from kinspect.lab.controllers.namespaces import Namespaces
from kinspect.lab.controllers.paper_kubelet import PaperKubelet
from kinspect.lab.controllers.replicasets import ReplicaSets
from kinspect.lab.controllers.scheduler import Scheduler
from kinspect.lab.controllers.statefulsets import StatefulSets
from kinspect.lab.status import Rejection
from kinspect.lab.store import Event, Name, Store

__all__ = ["Controller", "Controllers", "PaperKubelet", "standard"]

_AT_ONCE = 20
"""Keys that are brought up to date before others get the loop."""


class Controller(Protocol):
    """One controller. It holds nothing that it could not find again in the Store."""

    def keys(self, event: Event, store: Store) -> Iterable[Name]:
        """The keys that an event concerns."""

    def sync(self, key: Name, store: Store) -> None:
        """Brings one key up to date."""


def standard(certificate_authority: str = "") -> tuple[Controller, ...]:
    """Those that every lab has; what runs the pods (a kubelet, real or of paper) is not among them."""
    return (
        Namespaces(certificate_authority),
        Deployments(),
        ReplicaSets(),
        StatefulSets(),
        DaemonSets(),
        Scheduler(),
        EndpointSlices(),
        LegacyEndpoints(),
        Mirroring(),
        LoadBalancers(),
        Ingresses(),
        Garbage(),
    )


class Controllers:
    """Runs controllers on a Store: what is there already first, then every change."""

    def __init__(self, store: Store, controllers: Sequence[Controller]) -> None:
        self._store = store
        self._controllers = controllers
        # A dict keeps order and forgets doubles.
        self._dirty: dict[tuple[int, Name], None] = {}
        self._wake = asyncio.Event()
        for kind in store.resources:
            for item in store.list(kind):
                self._note(Event("ADDED", kind, item, None, store.version))
        self.stop = store.listen(self._note)

    def settle(self, most: int | None = None) -> bool:
        """Works until nothing is dirty, or `most` keys are done; says whether it is settled."""
        done = 0
        while self._dirty and (most is None or done < most):
            index, key = next(iter(self._dirty))
            del self._dirty[index, key]
            done += 1
            try:
                self._controllers[index].sync(key, self._store)
            except Rejection:
                # The API refused, e.g. in a namespace that ends. The next event tries again.
                continue
        return not self._dirty

    async def run(self) -> None:
        """Works until cancelled."""
        try:
            while True:
                self._wake.clear()
                if not self.settle(_AT_ONCE):
                    await asyncio.sleep(0)
                else:
                    await self._wake.wait()
        finally:
            self.stop()

    def _note(self, event: Event) -> None:
        for index, controller in enumerate(self._controllers):
            for key in controller.keys(event, self._store):
                self._dirty[index, key] = None
        self._wake.set()
