"""The tree below a Service: port → EndpointSlice → endpoint → pod, and the slice ports that lead nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from kinspect.model.endpointslice import Endpoint, EndpointSlice
from kinspect.model.finding import State
from kinspect.model.index import EMPTY
from kinspect.model.meta import Ref
from kinspect.model.service import ServicePort
from kinspect.model.snapshot import Snapshot
from kinspect.outline.objects import PodRow
from kinspect.outline.rows import STATE_ROLE, Line, Row, Span
from kinspect.outline.words import endpoint_words, ready_words
from kinspect.resolve.backends import Backend, backends
from kinspect.resolve.ports import target_of


class PortRow(Row, frozen=True):
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
        target = Span(f"→ {_target_words(self.port, found)}{_declared_words(snapshot, self.port, found)}")
        return Line(state, (title, target, node_port, Span(words, STATE_ROLE[state])))

    def children(self, snapshot: Snapshot) -> list[Row]:
        return slice_rows(snapshot, self, self.ref, self.port)

    def expandable(self, snapshot: Snapshot) -> bool:
        return bool(snapshot.index.slices_by_service.get(self.ref.key, EMPTY))


class UnmatchedRow(Row, frozen=True):
    """A slice port that no port of the Service names: no proxy reads it."""

    ref: Ref
    words: str
    kind: ClassVar[str] = "unmatched"

    def line(self, snapshot: Snapshot) -> Line:
        return Line(
            None,
            (Span(self.words, "dim"), Span("in a slice, but no port of the Service has this name", "dim")),
        )


class SliceRow(Row, frozen=True):
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


class EndpointRow(Row, frozen=True):
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


def slice_rows(snapshot: Snapshot, parent: Row, service: Ref, port: ServicePort | None) -> list[Row]:
    """The slices of a Service that stand under this port, by name; None = under no port."""
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


def _declared_words(snapshot: Snapshot, port: ServicePort, found: Sequence[Backend]) -> str:
    """Which ports the pods declare, where none declares the number that is meant; "" if any one does.

    They need not: a pod that declares none says nothing. So this is told, and judged by nobody.
    """
    target, declared = target_of(port), set[int]()
    for key in dict.fromkeys(each.pod for each in found):
        pod = snapshot.pods.get(key) if key else None
        if pod is None:
            return ""
        ports = [each for container in pod.spec.serving_containers for each in container.ports]
        numbers = {each.container_port for each in ports if each.protocol == port.protocol}
        if not isinstance(target, int) or not numbers or target in numbers:
            return ""
        declared |= numbers
    shown = ", ".join(map(str, sorted(declared)[:3])) + (" …" if len(declared) > 3 else "")
    return f" (its pods declare {shown})" if declared else ""


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
