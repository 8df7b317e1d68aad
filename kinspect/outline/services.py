"""The tree from the front: namespace → Service → reasons, routes, port → slice → endpoint → pod → node."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from kinspect.model.endpointslice import Endpoint, EndpointSlice
from kinspect.model.finding import State
from kinspect.model.index import EMPTY
from kinspect.model.meta import Key, Ref
from kinspect.model.service import Service, ServicePort
from kinspect.model.snapshot import Snapshot
from kinspect.outline.objects import PodRow, RouteToRow
from kinspect.outline.rows import STATE_ROLE, Line, Row, Span, reasons, state_of
from kinspect.outline.words import address_words, endpoint_words, port_words, ready_words, type_words
from kinspect.resolve.backends import Backend, backends, unmatched_ports
from kinspect.resolve.routes import routes_to


@dataclass(frozen=True, slots=True)
class NamespaceRow(Row):
    kind: ClassVar[str] = "Namespace"

    def line(self, snapshot: Snapshot) -> Line:
        services = _services_in(snapshot, self.id[-1])
        states = Counter(state_of(snapshot, Ref("Service", *key)) for key in services)
        worst: State = next((s for s in ("broken", "degraded", "unknown") if states[s]), "ok")
        counts = [
            Span(f"{states[s]} {s}", STATE_ROLE[s]) for s in ("broken", "degraded", "unknown") if states[s]
        ]
        plural = "" if len(services) == 1 else "s"
        return Line(
            worst, (Span(self.id[-1], "title"), Span(f"{len(services)} Service{plural}", "dim"), *counts)
        )

    def children(self, snapshot: Snapshot) -> list[Row]:
        return [
            ServiceRow((*self.id, f"svc/{key.name}"), Ref("Service", *key))
            for key in sorted(_services_in(snapshot, self.id[-1]))
        ]

    def expandable(self, snapshot: Snapshot) -> bool:
        return bool(_services_in(snapshot, self.id[-1]))


@dataclass(frozen=True, slots=True)
class ServiceRow(Row):
    """A Service; `with_namespace` where no namespace stands above it."""

    ref: Ref
    with_namespace: bool = False
    kind: ClassVar[str] = "Service"

    def line(self, snapshot: Snapshot) -> Line:
        service = snapshot.services.get(self.ref.key)
        if service is None:
            return Line("broken", (Span(self.ref.name, "title"), Span("no such Service", "broken")))
        state = state_of(snapshot, self.ref)
        spans = (
            Span(f"{self.ref.namespace}/{self.ref.name}" if self.with_namespace else self.ref.name, "title"),
            Span(type_words(service), "kind"),
            Span(address_words(service), "address"),
            Span(" ".join(port_words(port) for port in service.spec.ports)),
            _readiness(snapshot, service, state),
            Span(_first_reason(snapshot, self.ref), STATE_ROLE[state]),
        )
        return Line(state, spans)

    def children(self, snapshot: Snapshot) -> list[Row]:
        service = snapshot.services.get(self.ref.key)
        if service is None:
            return []
        rows = reasons(snapshot, self, self.ref)
        rows += [
            RouteToRow((*self.id, f"from/{n}"), Ref(r.kind, r.namespace, r.name), r)
            for n, r in enumerate(routes_to(snapshot, self.ref.key))
        ]
        if service.spec.type == "ExternalName":
            return [*rows, AliasRow((*self.id, "alias"), self.ref)]
        rows += [
            PortRow((*self.id, f"port/{n}"), self.ref, port) for n, port in enumerate(service.spec.ports)
        ]
        if not service.spec.ports:
            rows += _slice_rows(snapshot, self, self.ref, None)
        return rows + [
            UnmatchedRow(
                (*self.id, f"unmatched/{n}"),
                self.ref,
                f"{port.name or '(unnamed)'} {port.port}/{port.protocol or 'TCP'}",
            )
            for n, port in enumerate(unmatched_ports(snapshot, service))
        ]

    def expandable(self, snapshot: Snapshot) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class AliasRow(Row):
    """Where an ExternalName leads: DNS answers with a CNAME, and nothing else happens."""

    ref: Ref
    kind: ClassVar[str] = "alias"

    def line(self, snapshot: Snapshot) -> Line:
        service = snapshot.services.get(self.ref.key)
        return Line(
            None, (Span("CNAME", "kind"), Span(service.spec.external_name if service else "", "address"))
        )


@dataclass(frozen=True, slots=True)
class PortRow(Row):
    ref: Ref
    port: ServicePort
    kind: ClassVar[str] = "port"

    def line(self, snapshot: Snapshot) -> Line:
        service = snapshot.services.get(self.ref.key)
        found = backends(snapshot, service, self.port) if service else ()
        covered = snapshot.covers("EndpointSlice", self.ref.namespace)
        state: State = _port_state(found) if found or covered else "unknown"
        words = ready_words(found) if found or covered else "endpoints unknown"
        node_port = Span(f"nodePort {self.port.node_port}", "address") if self.port.node_port else Span("")
        title = Span(f"{self.port.port}/{self.port.protocol} {self.port.name}".rstrip(), "title")
        target = Span(f"→ {_target_words(self.port, found)}")
        return Line(state, (title, target, node_port, Span(words, STATE_ROLE[state])))

    def children(self, snapshot: Snapshot) -> list[Row]:
        return _slice_rows(snapshot, self, self.ref, self.port)

    def expandable(self, snapshot: Snapshot) -> bool:
        return bool(snapshot.index.slices_by_service.get(self.ref.key, EMPTY))


@dataclass(frozen=True, slots=True)
class UnmatchedRow(Row):
    """A slice port that no port of the Service names: no proxy reads it."""

    ref: Ref
    words: str
    kind: ClassVar[str] = "unmatched"

    def line(self, snapshot: Snapshot) -> Line:
        return Line(
            None,
            (Span(self.words, "dim"), Span("in a slice, but no port of the Service has this name", "dim")),
        )


@dataclass(frozen=True, slots=True)
class SliceRow(Row):
    """An EndpointSlice under a Service port: only its ports of that name and protocol count."""

    ref: Ref
    port: ServicePort | None
    kind: ClassVar[str] = "EndpointSlice"

    def line(self, snapshot: Snapshot) -> Line:
        slice_ = snapshot.slices.get(self.ref.key)
        if slice_ is None:
            return Line(None, (Span(self.ref.name, "title"), Span("gone", "dim")))
        count = len(slice_.endpoints)
        words = f"{count} endpoint{'' if count == 1 else 's'}" if count else "empty"
        ports = " ".join(
            str(each.port) for each in slice_.ports if _carries(each.name, each.protocol, self.port)
        )
        managed = slice_.metadata.labels.get("endpointslice.kubernetes.io/managed-by", "")
        hand = "" if managed == "endpointslice-controller.k8s.io" else f"by {managed or 'nobody named'}"
        spans = (
            Span(self.ref.name, "title"),
            Span(slice_.address_type, "kind"),
            Span(words),
            Span(f":{ports}" if ports else ""),
            Span(hand, "dim"),
        )
        return Line(None, spans)

    def children(self, snapshot: Snapshot) -> list[Row]:
        slice_ = snapshot.slices.get(self.ref.key)
        if slice_ is None:
            return []
        number = _number(slice_, self.port)
        return [
            EndpointRow((*self.id, f"ep/{n}/{each.address}"), self.ref, n, number)
            for n, each in enumerate(slice_.endpoints)
        ]

    def expandable(self, snapshot: Snapshot) -> bool:
        slice_ = snapshot.slices.get(self.ref.key)
        return bool(slice_ and slice_.endpoints)


@dataclass(frozen=True, slots=True)
class EndpointRow(Row):
    """The n-th endpoint of a slice, at the port number of the Service port above; None = no port there."""

    ref: Ref
    position: int
    port: int | None
    kind: ClassVar[str] = "endpoint"

    def endpoint(self, snapshot: Snapshot) -> Endpoint | None:
        slice_ = snapshot.slices.get(self.ref.key)
        return slice_.endpoints[self.position] if slice_ and self.position < len(slice_.endpoints) else None

    def line(self, snapshot: Snapshot) -> Line:
        endpoint = self.endpoint(snapshot)
        if endpoint is None:
            return Line(None, (Span("gone", "dim"),))
        state, words = endpoint_words(endpoint)
        target = endpoint.target_ref
        spans = (
            Span(endpoint.address if self.port is None else _joined(endpoint.address, self.port), "address"),
            Span(words, STATE_ROLE[state]),
            Span(target.name if target else "no targetRef", "fact" if target else "dim"),
            Span(f"on {endpoint.node_name}" if endpoint.node_name else "no nodeName", "dim"),
            Span(f"zone {endpoint.zone}" if endpoint.zone else "", "dim"),
            Span(_hint_words(endpoint), "dim"),
        )
        return Line(state, spans)

    def children(self, snapshot: Snapshot) -> list[Row]:
        endpoint = self.endpoint(snapshot)
        target = endpoint.target_ref if endpoint else None
        if target is None or target.kind != "Pod":
            return []
        ref = Ref("Pod", target.namespace or self.ref.namespace, target.name)
        return [PodRow((*self.id, f"pod/{ref.name}"), ref, "node")]

    def expandable(self, snapshot: Snapshot) -> bool:
        endpoint = self.endpoint(snapshot)
        return bool(endpoint and endpoint.target_ref and endpoint.target_ref.kind == "Pod")


def _services_in(snapshot: Snapshot, namespace: str) -> list[Key]:
    return list(snapshot.index.services_by_namespace.get(namespace, EMPTY))


def _slice_rows(snapshot: Snapshot, parent: Row, service: Ref, port: ServicePort | None) -> list[Row]:
    return [
        SliceRow((*parent.id, f"slice/{key.name}"), Ref("EndpointSlice", *key), port)
        for key in sorted(snapshot.index.slices_by_service.get(service.key, EMPTY))
        if (slice_ := snapshot.slices.get(key)) and _belongs(slice_, port)
    ]


def _belongs(slice_: EndpointSlice, port: ServicePort | None) -> bool:
    """Under a port stand the slices that carry it, and the placeholders, which carry none."""
    return not slice_.ports or port is None or any(_carries(p.name, p.protocol, port) for p in slice_.ports)


def _carries(name: str | None, protocol: str | None, port: ServicePort | None) -> bool:
    return port is None or ((name or "") == port.name and (protocol or "TCP") == port.protocol)


def _number(slice_: EndpointSlice, port: ServicePort | None) -> int | None:
    if port is None:
        return None
    return next((each.port for each in slice_.ports if _carries(each.name, each.protocol, port)), None)


def _joined(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _hint_words(endpoint: Endpoint) -> str:
    if endpoint.hints is None:
        return ""
    zones = ",".join(each.name for each in endpoint.hints.for_zones)
    nodes = ",".join(each.name for each in endpoint.hints.for_nodes)
    return " ".join(
        filter(None, (f"for zone {zones}" if zones else "", f"for node {nodes}" if nodes else ""))
    )


def _target_words(port: ServicePort, found: tuple[Backend, ...]) -> str:
    """The target as written; for a name also the numbers that it means, which may differ from pod to pod."""
    if isinstance(port.target_port, str):
        numbers = ", ".join(str(number) for number in sorted({each.port for each in found if each.port}))
        return f"{port.target_port} ({numbers or 'no number'})"
    return str(port.port if port.target_port is None else port.target_port)


def _port_state(found: tuple[Backend, ...]) -> State:
    ready = sum(each.ready for each in found)
    if ready == 0:
        return "degraded" if any(each.serving and each.terminating for each in found) else "broken"
    return "ok" if all(each.ready or each.terminating for each in found) else "degraded"


def _readiness(snapshot: Snapshot, service: Service, state: State) -> Span:
    if service.spec.type == "ExternalName":
        return Span("")
    if not snapshot.covers("EndpointSlice", service.namespace):
        return Span("endpoints unknown", "unknown")
    each_port = [backends(snapshot, service, port) for port in service.spec.ports]
    total = max((len(found) for found in each_port), default=0)
    ready = min((sum(b.ready for b in found) for found in each_port), default=0)
    return Span(f"{ready}/{total} ready", STATE_ROLE[state]) if each_port else Span("")


def _first_reason(snapshot: Snapshot, ref: Ref) -> str:
    judgment = snapshot.judgments.get(ref)
    if judgment is None:
        return "not judged yet"
    for severity in ("error", "warning"):
        for each in judgment.findings:
            if each.severity == severity:
                return each.message
    return judgment.unknowns[0].reason if judgment.unknowns else ""
