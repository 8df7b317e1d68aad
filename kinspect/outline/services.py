"""The tree from the front: namespace → Service → reasons, routes, port → slice → endpoint → pod → node."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from kinspect.model.finding import State
from kinspect.model.index import EMPTY
from kinspect.model.meta import Key, Ref
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.outline.objects import RouteToRow
from kinspect.outline.ports import PortRow, UnmatchedRow, slice_rows
from kinspect.outline.rows import STATE_ROLE, Line, Row, Span, reasons, state_of
from kinspect.outline.words import address_words, port_words, type_words
from kinspect.resolve.backends import Behind
from kinspect.resolve.names import is_alias
from kinspect.resolve.routes import routes_to


class NamespaceRow(Row, frozen=True):
    kind: ClassVar[str] = "Namespace"

    def line(self, snapshot: Snapshot) -> Line:
        services = _services_in(snapshot, self.id[-1])
        states = Counter(state_of(snapshot, Ref("Service", *key)) for key in services)
        worst: State = next((s for s in ("broken", "degraded", "unknown") if states[s]), "ok")
        counts = [
            Span(f"{states[s]} {s}", STATE_ROLE[s]) for s in ("broken", "degraded", "unknown") if states[s]
        ]
        plural = "" if len(services) == 1 else "s"
        found = snapshot.namespaces.get(Key("", self.id[-1]))
        if found is not None and found.metadata.deletion_timestamp:
            counts.append(Span("being deleted", "degraded"))
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


class ServiceRow(Row, frozen=True):
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
            Span(first_reason(snapshot, self.ref), STATE_ROLE[state]),
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
            rows += slice_rows(snapshot, self, self.ref, None)
        return rows + [
            UnmatchedRow(
                (*self.id, f"unmatched/{n}"),
                self.ref,
                f"{port.name or '(unnamed)'} {port.port}/{port.protocol or 'TCP'}",
            )
            for n, port in enumerate(Behind(snapshot, service).unmatched_ports)
        ]

    def expandable(self, snapshot: Snapshot) -> bool:
        return True


class AliasRow(Row, frozen=True):
    """Where an ExternalName leads: DNS answers with a CNAME, if with anything, and nothing else happens."""

    ref: Ref
    kind: ClassVar[str] = "alias"

    def line(self, snapshot: Snapshot) -> Line:
        service = snapshot.services.get(self.ref.key)
        if service is None:
            return Line(None, (Span("gone", "dim"),))
        if not is_alias(service):
            return Line("broken", (Span("no DNS record", "broken"),))
        return Line(None, (Span("CNAME", "kind"), Span(service.spec.external_name, "address")))


def _services_in(snapshot: Snapshot, namespace: str) -> list[Key]:
    return list(snapshot.index.services_by_namespace.get(namespace, EMPTY))


def _readiness(snapshot: Snapshot, service: Service, state: State) -> Span:
    if service.spec.type == "ExternalName":
        return Span("")
    if not snapshot.covers("EndpointSlice", service.namespace):
        return Span("endpoints unknown", "unknown")
    behind = Behind(snapshot, service)
    each_port = [behind.backends(port) for port in service.spec.ports]
    total = max((len(found) for found in each_port), default=0)
    ready = min((sum(b.ready for b in found) for found in each_port), default=0)
    return Span(f"{ready}/{total} ready", STATE_ROLE[state]) if each_port else Span("")


def first_reason(snapshot: Snapshot, ref: Ref) -> str:
    """Why an object is not fine, the worst first; "" if it is."""
    judgment = snapshot.judgments.get(ref)
    if judgment is None:
        return "not judged yet"
    for severity in ("error", "warning"):
        for each in judgment.findings:
            if each.severity == severity:
                return each.message
    return judgment.unknowns[0].reason if judgment.unknowns else ""
