"""Which routes lead to a Service, and where a route leads: Ingresses and Gateway API routes.

A route that names a backend leads there whether or not the Service exists: what is wrong with that is for the
rules to say. Only what the objects declare is answered here; which of several candidates a request takes is
another question. Source: networking/v1 types.go; gateway-api apis/v1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from kinspect.model.gateway import BackendRef, Route
from kinspect.model.ingress import Ingress, IngressBackend, ServiceBackendPort
from kinspect.model.kinds import ROUTE_KINDS
from kinspect.model.meta import Fact, Key, Ref
from kinspect.model.service import Service, ServicePort
from kinspect.model.snapshot import Snapshot

_NO_REFS: Mapping[Ref, None] = {}


class RouteTo(Fact, frozen=True):
    """One way through a route. `host` "" = every host; `path` "" = every path (a default backend, say)."""

    kind: str
    namespace: str
    name: str
    host: str
    path: str

    @property
    def ref(self) -> Ref:
        return Ref(self.kind, self.namespace, self.name)


Destination = tuple[RouteTo, Key | None]
"""A way through a route and the Service at its end; None = a backend that is not a Service."""


def routes_to(snapshot: Snapshot, service: Key) -> tuple[RouteTo, ...]:
    """Every way through every route that names the Service, by kind, name, host and path."""
    refs = snapshot.index.routes_by_service.get(service, _NO_REFS)
    return tuple(way for ref in sorted(refs) for way, end in destinations(snapshot, ref) if end == service)


def destinations(snapshot: Snapshot, ref: Ref) -> tuple[Destination, ...]:
    """Where an Ingress or a route leads, each way once, in the order in which it declares them.

    The default backend comes last. () for an object that is not there, and for other kinds.
    """
    found = snapshot.get(ref)
    if found is None:
        return ()
    if ref.kind == "Ingress":
        return tuple(dict.fromkeys(_of_ingress(ref, cast(Ingress, found))))
    if ref.kind in ROUTE_KINDS:
        return tuple(dict.fromkeys(_of_route(ref, cast(Route, found))))
    return ()


def ingress_backends(ingress: Ingress) -> Iterator[tuple[str, str, str, IngressBackend]]:
    """Every backend of an Ingress as (field, host, path, backend), the default one last."""
    for n, rule in enumerate(ingress.spec.rules):
        for m, path in enumerate(rule.http.paths if rule.http else ()):
            yield f"spec.rules[{n}].http.paths[{m}].backend", rule.host, path.path, path.backend
    if ingress.spec.default_backend is not None:
        yield "spec.defaultBackend", "", "", ingress.spec.default_backend


def route_backends(route: Route) -> Iterator[tuple[str, BackendRef, Key]]:
    """Every Service that a route sends traffic to, as (field, reference, Service). Weight 0 gets none."""
    for n, rule in enumerate(route.spec.rules):
        for m, backend in enumerate(rule.backend_refs):
            if backend.kind == "Service" and not backend.group and backend.weight:
                service = Key(backend.namespace or route.namespace, backend.name)
                yield f"spec.rules[{n}].backendRefs[{m}]", backend, service


def port_meant(service: Service, port: ServiceBackendPort) -> ServicePort | None:
    """The Service port that an Ingress backend means: by name if it gives one, else by number; None = none.

    Where TCP and UDP share the number, the TCP port is meant: an Ingress speaks HTTP.
    """
    if port.name:
        return next((each for each in service.spec.ports if each.name == port.name), None)
    matching = [each for each in service.spec.ports if each.port == port.number]
    return min(matching, key=lambda each: each.protocol != "TCP", default=None)


def _of_ingress(ref: Ref, ingress: Ingress) -> Iterator[Destination]:
    for _, host, path, backend in ingress_backends(ingress):
        end = Key(ref.namespace, backend.service.name) if backend.service else None
        yield RouteTo(*ref, host, path), end


def _of_route(ref: Ref, route: Route) -> Iterator[Destination]:
    for rule in route.spec.rules:
        paths = [match.path.value if match.path else "" for match in rule.matches] or [""]
        for backend in rule.backend_refs:
            is_service = backend.kind == "Service" and not backend.group
            end = Key(backend.namespace or ref.namespace, backend.name) if is_service else None
            for host in route.spec.hostnames or ("",):
                for path in paths:
                    yield RouteTo(*ref, host, path), end
