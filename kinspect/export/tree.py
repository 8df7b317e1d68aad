"""The document `kinspect/tree/v1`: Services with ports, backends, routes and the reasons for their state."""

from __future__ import annotations

from typing import Literal

from kinspect.export import Document
from kinspect.export.scope import Scope, services_in
from kinspect.model.meta import Key, Ref
from kinspect.model.service import ServicePort
from kinspect.model.snapshot import Snapshot
from kinspect.outline.rows import state_of
from kinspect.outline.summary import hidden
from kinspect.resolve.backends import Backend, Behind
from kinspect.resolve.routes import routes_to


class Reason(Document, frozen=True):
    code: str
    message: str


class TreeBackend(Document, frozen=True):
    address: str
    port: int | None
    address_type: str
    pod: str | None
    node: str | None
    zone: str | None
    ready: bool
    serving: bool
    terminating: bool
    slices: tuple[str, ...]


class TreePort(Document, frozen=True):
    name: str | None
    port: int
    protocol: str
    target_port: int | str | None
    node_port: int | None
    backends: tuple[TreeBackend, ...]


class UnmatchedPort(Document, frozen=True):
    name: str | None
    port: int | None
    protocol: str


class TreeRoute(Document, frozen=True):
    kind: str
    namespace: str
    name: str
    host: str | None
    path: str | None


class TreeService(Document, frozen=True, rename={"cluster_ips": "clusterIPs"}):
    namespace: str
    name: str
    type: str
    cluster_ips: tuple[str, ...]
    state: Literal["ok", "degraded", "broken", "unknown"]
    reasons: tuple[Reason, ...]
    ports: tuple[TreePort, ...]
    unmatched: tuple[UnmatchedPort, ...]
    routes: tuple[TreeRoute, ...]


class HiddenKind(Document, frozen=True):
    kind: str
    reason: str


class Tree(Document, frozen=True):
    schema: Literal["kinspect/tree/v1"]
    taken_at: str
    services: tuple[TreeService, ...]
    hidden: tuple[HiddenKind, ...]


def tree(snapshot: Snapshot, scope: Scope) -> Tree:
    """The document of the Services in scope."""
    return Tree(
        schema="kinspect/tree/v1",
        taken_at=snapshot.taken_at.isoformat().replace("+00:00", "Z"),
        services=tuple(_service(snapshot, key) for key in services_in(snapshot, scope)),
        hidden=tuple(HiddenKind(each.kind, each.words) for each in hidden(snapshot)),
    )


def _service(snapshot: Snapshot, key: Key) -> TreeService:
    service = snapshot.services[key]
    ref = Ref("Service", *key)
    behind = Behind(snapshot, service)
    return TreeService(
        namespace=key.namespace,
        name=key.name,
        type=service.spec.type,
        cluster_ips=service.spec.cluster_ips or tuple(filter(None, (service.spec.cluster_ip,))),
        state=state_of(snapshot, ref),
        reasons=_reasons(snapshot, ref),
        ports=tuple(_port(behind, port) for port in service.spec.ports),
        unmatched=tuple(
            UnmatchedPort(port.name or None, port.port, port.protocol or "TCP")
            for port in behind.unmatched_ports
        ),
        routes=tuple(
            TreeRoute(route.kind, route.namespace, route.name, route.host or None, route.path or None)
            for route in routes_to(snapshot, key)
        ),
    )


def _reasons(snapshot: Snapshot, ref: Ref) -> tuple[Reason, ...]:
    judgment = snapshot.judgments.get(ref)
    if judgment is None:
        return ()
    found = [Reason(each.code, each.message) for each in judgment.findings]
    return tuple(found + [Reason(each.code, each.reason) for each in judgment.unknowns])


def _port(behind: Behind, port: ServicePort) -> TreePort:
    return TreePort(
        name=port.name or None,
        port=port.port,
        protocol=port.protocol,
        target_port=port.target_port,
        node_port=port.node_port,
        backends=tuple(_backend(each) for each in behind.backends(port)),
    )


def _backend(backend: Backend) -> TreeBackend:
    return TreeBackend(
        address=backend.address,
        port=backend.port,
        address_type=backend.address_type,
        pod=backend.pod.name if backend.pod else None,
        node=backend.node,
        zone=backend.zone,
        ready=backend.ready,
        serving=backend.serving,
        terminating=backend.terminating,
        slices=backend.slices,
    )
