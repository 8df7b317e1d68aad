"""The tree from the outside: Ingress or Gateway API route → its rules → Service → …"""

from __future__ import annotations

from typing import ClassVar, cast

from kinspect.model.ingress import Ingress
from kinspect.model.kinds import ROUTE_KINDS
from kinspect.model.meta import Key, Ref
from kinspect.model.snapshot import Snapshot
from kinspect.outline.rows import Line, Row, Span, reasons, state_of
from kinspect.outline.services import ServiceRow
from kinspect.resolve.routes import RouteTo, destinations


class EntranceRow(Row, frozen=True):
    """An Ingress or a route, with its class or parents, and where it can be reached."""

    ref: Ref
    kind: ClassVar[str] = "route"

    def line(self, snapshot: Snapshot) -> Line:
        found = snapshot.get(self.ref)
        if found is None:
            return Line(
                "unknown", (Span(self.ref.name, "title"), Span(f"no such {self.ref.kind}", "unknown"))
            )
        spans = [Span(self.ref.name, "title"), Span(self.ref.kind, "kind"), Span(self.ref.namespace, "dim")]
        if self.ref.kind in ROUTE_KINDS:
            parents = getattr(getattr(found, "spec", None), "parent_refs", ())
            spans.append(Span(" ".join(f"at {each.kind} {each.name}" for each in parents), "dim"))
        else:
            ingress = cast(Ingress, found)
            name = ingress.spec.ingress_class_name or ingress.metadata.annotations.ingress_class
            spans.append(Span(f"class {name}" if name else "no class", "dim"))
            addresses = (each.ip or each.hostname for each in ingress.status.load_balancer.ingress)
            spans.append(Span(" ".join(addresses) or "no address", "address"))
        return Line(state_of(snapshot, self.ref), tuple(spans))

    def children(self, snapshot: Snapshot) -> list[Row]:
        rows = reasons(snapshot, self, self.ref)
        return rows + [
            PathRow((*self.id, f"to/{n}"), self.ref, path, target)
            for n, (path, target) in enumerate(destinations(snapshot, self.ref))
        ]


class PathRow(Row, frozen=True):
    """One host and path of the route above, and the Service that answers there; None = not a Service."""

    ref: Ref
    path: RouteTo
    target: Key | None
    kind: ClassVar[str] = "path"

    def line(self, snapshot: Snapshot) -> Line:
        target = Span(f"→ Service {self.target.name}" if self.target else "→ not a Service")
        return Line(None, (Span(f"{self.path.host or '*'}{self.path.path}", "address"), target))

    def children(self, snapshot: Snapshot) -> list[Row]:
        if self.target is None:
            return []
        return [ServiceRow((*self.id, f"svc/{self.target.name}"), Ref("Service", *self.target))]
