"""Where in a tree an object stands: the way from a root down to its row."""

from __future__ import annotations

from collections.abc import Iterable

from kinspect.model.kinds import NAMES, ROUTE_KINDS
from kinspect.model.meta import Key, Ref
from kinspect.model.snapshot import Snapshot
from kinspect.outline.perspectives import Perspective, roots
from kinspect.outline.rows import Row


def named(snapshot: Snapshot, target: str, namespace: str | None) -> Ref | None:
    """The object that a person means by `svc/NAME` or the like; None = it is not there, or not yet."""
    word, _, name = target.partition("/")
    kind = NAMES.get(word.lower())
    if kind is None:
        return None
    found = (key for key in snapshot.of(kind) if key.name == name and namespace in (None, "", key.namespace))
    key = next(found, None)
    return Ref(kind, *key) if key else None


def perspective_of(kind: str) -> Perspective:
    """The tree in which objects of this kind are at home."""
    if kind in ("Node", "Pod"):
        return "nodes"
    return "routes" if kind in ("Ingress", *ROUTE_KINDS) else "services"


def path_to(snapshot: Snapshot, perspective: Perspective, ref: Ref) -> list[Row]:
    """The rows from a root down to the one that stands for the object; [] if this tree does not show it.

    A pod among the Services is shown by the first Service that it is behind; a Service among the nodes by the
    first pod behind it.
    """
    if perspective == "services":
        return _path_to_service(snapshot, ref)
    for root in roots(snapshot, perspective):
        if root.ref == ref:
            return [root]
        if perspective == "nodes" and root.ref and root.ref.name == _node_of(snapshot, ref):
            return [root, *(row for row in root.children(snapshot) if row.ref == _pod_of(snapshot, ref))]
    return []


def _path_to_service(snapshot: Snapshot, ref: Ref) -> list[Row]:
    if ref.kind == "Namespace":
        return [root for root in roots(snapshot, "services") if root.ref == ref]
    service = _service_of(snapshot, ref)
    if service is None:
        return []
    for root in roots(snapshot, "services", service.namespace):
        for child in root.children(snapshot):
            if child.ref == service:
                return [root, child]
    return []


def _service_of(snapshot: Snapshot, ref: Ref) -> Ref | None:
    """The Service that an object belongs to, or is."""
    if ref.kind == "Service":
        return ref
    if ref.kind == "EndpointSlice":
        slice_ = snapshot.slices.get(ref.key)
        return Ref("Service", *slice_.service) if slice_ and slice_.service else None
    if ref.kind == "Pod":
        pod = snapshot.pods.get(ref.key)
        slices = (
            snapshot.slices[key]
            for ip in (pod.ips if pod else ())
            for key in snapshot.index.slices_by_address.get(ip, ())
        )
        return next((Ref("Service", *each.service) for each in slices if each.service), None)
    if ref.kind in ("Ingress", *ROUTE_KINDS):
        targets = (key for key, routes in snapshot.index.routes_by_service.items() if ref in routes)
        return next((Ref("Service", *key) for key in targets), None)
    return None


def _pod_of(snapshot: Snapshot, ref: Ref) -> Ref | None:
    """The pod that an object is, or the first one behind it."""
    if ref.kind == "Pod":
        return ref
    slices: Iterable[Key] = ()
    if ref.kind == "EndpointSlice":
        slices = (ref.key,)
    elif ref.kind == "Service":
        slices = snapshot.index.slices_by_service.get(ref.key, ())
    for slice_ in (snapshot.slices[key] for key in slices if key in snapshot.slices):
        for target in (each.target_ref for each in slice_.endpoints):
            if target and target.kind == "Pod":
                return Ref("Pod", target.namespace or ref.namespace, target.name)
    return None


def _node_of(snapshot: Snapshot, ref: Ref) -> str | None:
    pod_ref = _pod_of(snapshot, ref)
    pod = snapshot.pods.get(pod_ref.key) if pod_ref else None
    return pod.spec.node_name if pod else None
