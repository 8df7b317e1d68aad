"""What an ingress controller makes of the Ingress objects of its class: hosts, paths, upstreams. Pure.

1. An Ingress belongs to a class by `ingressClassName`, or by the old annotation.
2. Where two Ingresses claim the same host and path, the older one wins, as with ingress-nginx.
3. A backend leads straight to the ready endpoints of its Service, not to its cluster IP; without any, and
   with a Service or port that does not exist, the route is there and answers 503.
4. What no rule takes goes to the default backend of the Ingress that has the host, else to any default
   backend, else it is answered 404.

Limits: no rewriting, no redirect to HTTPS, no regular expressions; ImplementationSpecific is as Prefix.
Source: Ingress API (networking/v1), ingress-nginx's user guide.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kinspect.lab.proxy.world import World
from kinspect.model.ingress import Ingress, IngressBackend, ServiceBackendPort
from kinspect.model.meta import Key
from kinspect.model.service import Service, ServicePort

ANY_HOST = ""


class Route(NamedTuple):
    """One path of a host. `exact` compares the whole path, else whole elements from the left."""

    path: str
    exact: bool
    upstreams: tuple[str, ...]


class Host(NamedTuple):
    """One virtual host. `secret` names the Secret of its certificate, None = none of its own."""

    name: str
    routes: tuple[Route, ...]
    secret: Key | None


def hosts(ingresses: Iterable[Ingress], class_name: str, world: World) -> tuple[Host, ...]:
    """The virtual hosts of a class, ordered by name; that of any host is always there, and first."""
    routes: dict[str, dict[tuple[str, bool], Route]] = {ANY_HOST: {}}
    secrets: dict[str, Key] = {}
    for ingress in sorted(_of_class(ingresses, class_name), key=_age):
        namespace = ingress.metadata.namespace
        for tls in ingress.spec.tls:
            for host in tls.hosts or (ANY_HOST,):
                secrets.setdefault(host, Key(namespace, tls.secret_name))
        for rule in ingress.spec.rules:
            taken = routes.setdefault(rule.host, {})
            for path in rule.http.paths if rule.http else ():
                exact = path.path_type == "Exact"
                where = path.path if exact else path.path.rstrip("/") or "/"
                upstreams = _upstreams(namespace, path.backend, world)
                taken.setdefault((where, exact), Route(where, exact, upstreams))
        if ingress.spec.default_backend:
            fallback = Route("/", False, _upstreams(namespace, ingress.spec.default_backend, world))
            for host in {ANY_HOST, *(rule.host for rule in ingress.spec.rules)}:
                routes[host].setdefault(("/", False), fallback)
    return tuple(
        Host(name, tuple(taken[key] for key in sorted(taken)), secrets.get(name))
        for name, taken in sorted(routes.items())
    )


def secrets(found: Iterable[Host]) -> set[Key]:
    """The Secrets whose certificates are needed."""
    return {host.secret for host in found if host.secret}


def _of_class(ingresses: Iterable[Ingress], class_name: str) -> Iterable[Ingress]:
    for ingress in ingresses:
        chosen = ingress.spec.ingress_class_name or ingress.metadata.annotations.ingress_class
        if chosen == class_name:
            yield ingress


def _age(ingress: Ingress) -> tuple[str, Key]:
    return ingress.metadata.creation_timestamp or "", ingress.key


def _upstreams(namespace: str, backend: IngressBackend, world: World) -> tuple[str, ...]:
    """The `address:port` of every ready endpoint behind a backend."""
    if backend.service is None:
        return ()
    key = Key(namespace, backend.service.name)
    service = next((each for each in world.services if each.key == key), None)
    port = _port(service, backend.service.port) if service else None
    if port is None:
        return ()
    found = {
        f"{endpoint.address}:{slice_port.port}"
        for each in world.slices
        if each.service == key and each.address_type == "IPv4"
        for slice_port in each.ports
        if (slice_port.name or "") == port.name and slice_port.port
        for endpoint in each.endpoints
        if endpoint.ready
    }
    return tuple(sorted(found))


def _port(service: Service, wanted: ServiceBackendPort) -> ServicePort | None:
    for port in service.spec.ports:
        if (wanted.name and port.name == wanted.name) or (not wanted.name and port.port == wanted.number):
            return port
    return None
