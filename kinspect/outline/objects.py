"""Rows of pods and nodes, met in the tree from either end."""

from __future__ import annotations

from typing import ClassVar, Literal

from kinspect.model.index import EMPTY
from kinspect.model.meta import Ref
from kinspect.model.node import Node
from kinspect.model.snapshot import Snapshot
from kinspect.outline.rows import STATE_ROLE, Line, Row, Span, state_of
from kinspect.outline.words import address_words, plural, pod_words, port_words, restarts, type_words
from kinspect.resolve.membership import services_of_pod
from kinspect.resolve.routes import RouteTo, routes_to


class PodRow(Row, frozen=True):
    """A pod; `below` tells which way one walks: to its node, or to the Services that reach it."""

    ref: Ref
    below: Literal["node", "services"]
    kind: ClassVar[str] = "Pod"

    def line(self, snapshot: Snapshot) -> Line:
        pod = snapshot.pods.get(self.ref.key)
        if pod is None:
            known = snapshot.covers("Pod", self.ref.namespace)
            word = Span("gone", "broken") if known else Span("pod unknown", "unknown")
            return Line("broken" if known else "unknown", (Span(self.ref.name, "title"), word))
        state, words = pod_words(pod)
        count = restarts(pod)
        spans = (
            Span(self.ref.name, "title"),
            Span(self.ref.namespace if self.below == "services" else "", "dim"),
            Span(words, STATE_ROLE[state]),
            Span(" ".join(pod.ips), "address"),
            Span(f"{count} restart{'' if count == 1 else 's'}" if count else "", "degraded"),
            Span("hostNetwork" if pod.spec.host_network else "", "dim"),
        )
        return Line(state, spans)

    def children(self, snapshot: Snapshot) -> list[Row]:
        pod = snapshot.pods.get(self.ref.key)
        if pod is None:
            return []
        if self.below == "node":
            name = pod.spec.node_name
            return [NodeRow((*self.id, f"node/{name}"), Ref("Node", "", name), leaf=True)] if name else []
        return [
            LandingRow((*self.id, f"svc/{key.name}"), Ref("Service", *key))
            for key in services_of_pod(snapshot, pod)
        ]


class LandingRow(Row, frozen=True):
    """A Service that reaches the pod above; below it the routes that lead to the Service."""

    ref: Ref
    kind: ClassVar[str] = "Service"

    def line(self, snapshot: Snapshot) -> Line:
        service = snapshot.services.get(self.ref.key)
        if service is None:
            return Line(None, (Span(self.ref.name, "title"), Span("no such Service", "broken")))
        spans = (
            Span(f"← Service {self.ref.name}", "title"),
            Span(type_words(service), "kind"),
            Span(address_words(service), "address"),
            Span(" ".join(port_words(port) for port in service.spec.ports)),
        )
        return Line(state_of(snapshot, self.ref), spans)

    def children(self, snapshot: Snapshot) -> list[Row]:
        return [
            RouteToRow((*self.id, f"from/{n}"), Ref(route.kind, route.namespace, route.name), route)
            for n, route in enumerate(routes_to(snapshot, self.ref.key))
        ]


class RouteToRow(Row, frozen=True):
    """An Ingress or Gateway API route that leads to the Service above."""

    ref: Ref
    route: RouteTo
    kind: ClassVar[str] = "route"

    def line(self, snapshot: Snapshot) -> Line:
        route = self.route
        where = Span(f"{route.host or '*'}{route.path}", "address")
        return Line(None, (Span(f"← {route.kind}", "kind"), Span(route.name, "title"), where))


class NodeRow(Row, frozen=True):
    """A node; `leaf` where the walk came from a pod and ends here."""

    ref: Ref
    leaf: bool
    kind: ClassVar[str] = "Node"

    def line(self, snapshot: Snapshot) -> Line:
        node = snapshot.nodes.get(self.ref.key)
        pods = "" if self.leaf else _count_words(snapshot, self.ref.name)
        if node is None:
            word = "no such Node" if snapshot.covers("Node") else "node unknown"
            return Line("unknown", (Span(self.ref.name, "title"), Span(word, "unknown"), Span(pods, "dim")))
        state, words = ("ok" if node.ready else "broken"), ("Ready" if node.ready else "NotReady")
        spans = (
            Span(self.ref.name, "title"),
            Span(
                words + (", unschedulable" if node.spec.unschedulable else ""),
                STATE_ROLE["ok" if node.ready else "broken"],
            ),
            Span(" ".join(node.internal_ips), "address"),
            Span(f"zone {node.zone}" if node.zone else "", "dim"),
            Span(" ".join(_pod_cidrs(node)), "dim"),
            Span(pods, "dim"),
        )
        return Line("ok" if state == "ok" else "broken", spans)

    def children(self, snapshot: Snapshot) -> list[Row]:
        if self.leaf:
            return []
        members = snapshot.index.pods_by_node.get(self.ref.name, EMPTY)
        return [
            PodRow((*self.id, f"pod/{key.namespace}/{key.name}"), Ref("Pod", *key), "services")
            for key in sorted(members)
        ]

    def expandable(self, snapshot: Snapshot) -> bool:
        return not self.leaf and bool(snapshot.index.pods_by_node.get(self.ref.name, EMPTY))


def _pod_cidrs(node: Node) -> tuple[str, ...]:
    return node.spec.pod_cidrs or ((node.spec.pod_cidr,) if node.spec.pod_cidr else ())


def _count_words(snapshot: Snapshot, node: str) -> str:
    pods = len(snapshot.index.pods_by_node.get(node, EMPTY))
    services = {
        slice_.service
        for key in snapshot.index.slices_by_node.get(node, EMPTY)
        if (slice_ := snapshot.slices.get(key)) and slice_.service
    }
    known = snapshot.coverage_of("Pod")
    if known.state not in ("given", "loading"):
        return "its pods are not known"
    where = f" of {', '.join(known.namespaces)}" if known.namespaces is not None else ""
    return f"{plural(pods, 'pod')}{where}, {plural(len(services), 'Service')} land here"
