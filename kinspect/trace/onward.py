"""Where a backend lives, and the places that a packet visits from the meeting on to get there."""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.index import EMPTY
from kinspect.model.meta import Key
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import Backend
from kinspect.trace.sighting import Place
from kinspect.trace.visit import Ends, Visit


def to_backend(snapshot: Snapshot, meeting: Place, ends: Ends, backend: Backend) -> Iterator[Visit]:
    """The visits after the meeting: the backend's node, if that is another one, and its pod."""
    pod = snapshot.pods.get(backend.pod) if backend.pod else None
    node = Place("node", backend.node or (pod.spec.node_name if pod else ""))
    home = lives_at(snapshot, backend)
    if node.name and node not in (meeting, home):
        yield Visit("original", node, ends, ends, ("routed",))
    if home is not None:
        yield Visit("original", home, ends, None, ("delivered",))


def lives_at(snapshot: Snapshot, backend: Backend) -> Place | None:
    """The place whose own address the backend has: its pod, or a node; None = nobody's that is known."""
    pod = snapshot.pods.get(backend.pod) if backend.pod else None
    if backend.pod is not None and pod is not None and not pod.spec.host_network:
        return pod_place(backend.pod)
    nodes = snapshot.index.nodes_by_ip.get(backend.address, EMPTY)
    return next((Place("node", each.name) for each in nodes), None)


def pod_place(pod: Key) -> Place:
    return Place("pod", f"{pod.namespace}/{pod.name}")
