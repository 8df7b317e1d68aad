"""The trees one can look at: from the Services, from the nodes, and of one object alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from kinspect.model.meta import Key, Ref
from kinspect.model.snapshot import Snapshot
from kinspect.outline.entrances import EntranceRow
from kinspect.outline.objects import NodeRow, PodRow
from kinspect.outline.rows import Row
from kinspect.outline.services import NamespaceRow, ServiceRow

Perspective = Literal["services", "routes", "nodes"]
PERSPECTIVES: tuple[Perspective, ...] = ("services", "routes", "nodes")


def roots(snapshot: Snapshot, perspective: Perspective, namespace: str | None = None) -> list[Row]:
    """The top rows, in a namespace or in all (None). The node tree always shows whole nodes."""
    if perspective == "nodes":
        named = {key.name for key in snapshot.nodes} | set(snapshot.index.pods_by_node)
        return [NodeRow((f"node/{name}",), Ref("Node", "", name), leaf=False) for name in sorted(named)]
    if perspective == "routes":
        return [
            EntranceRow((f"{ref.kind}/{ref.namespace}/{ref.name}",), ref)
            for ref in entrances(snapshot, namespace)
        ]
    return [
        NamespaceRow((name,), Ref("Namespace", "", name))
        for name in sorted(snapshot.index.services_by_namespace)
        if namespace in (None, name)
    ]


def entrances(snapshot: Snapshot, namespace: str | None = None) -> list[Ref]:
    """Every Ingress and Gateway API route, in order of namespace and name."""
    found = [
        Ref(kind, *key)
        for kind in ("Ingress", "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute")
        for key in snapshot.of(kind)
        if namespace in (None, key.namespace)
    ]
    return sorted(found, key=lambda ref: (ref.namespace, ref.name, ref.kind))


def root_of(ref: Ref) -> Row:
    """The row that stands for one object at the top of a tree of its own."""
    if ref.kind == "Pod":
        return PodRow((f"pod/{ref.name}",), ref, "services")
    if ref.kind == "Node":
        return NodeRow((f"node/{ref.name}",), ref, leaf=False)
    if ref.kind == "Namespace":
        return NamespaceRow((ref.name,), ref)
    if ref.kind == "Service":
        return ServiceRow((f"svc/{ref.name}",), ref, with_namespace=True)
    return EntranceRow((f"{ref.kind}/{ref.name}",), ref)


def service_rows(keys: Iterable[Key]) -> list[Row]:
    """These Services alone as top rows, each named with its namespace."""
    return [
        ServiceRow((f"{key.namespace}/{key.name}",), Ref("Service", *key), with_namespace=True)
        for key in keys
    ]
