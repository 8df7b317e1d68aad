"""Which routes lead to a Service, and where a route leads."""

from __future__ import annotations

import pytest

from kinspect.model.ingress import ServiceBackendPort
from kinspect.model.meta import Key, Ref
from kinspect.model.service import Service, ServicePort, ServiceSpec
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.routes import RouteTo, destinations, port_meant, routes_to
from kinspect.sources.manifests import read_manifests

WORLD = b"""\
kind: Ingress
apiVersion: networking.k8s.io/v1
metadata: {name: shop, namespace: shop}
spec:
  rules:
  - host: shop.example.com
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
      - {path: /cart, pathType: Prefix, backend: {service: {name: cart, port: {name: http}}}}
      - {path: /old, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
      - {path: /files, pathType: Prefix, backend: {resource: {kind: Bucket, name: files}}}
  - host: empty.example.com
  defaultBackend: {service: {name: fallback, port: {number: 80}}}
---
kind: HTTPRoute
apiVersion: gateway.networking.k8s.io/v1
metadata: {name: shop, namespace: gateways}
spec:
  parentRefs: [{name: public}]
  hostnames: [a.example.com, b.example.com]
  rules:
  - matches: [{path: {type: PathPrefix, value: /v1}}, {path: {type: Exact, value: /v2}}]
    backendRefs: [{name: web, namespace: shop, port: 80}]
  - backendRefs: [{name: local, port: 80}, {group: example.com, kind: Bucket, name: files}]
"""
INGRESS, ROUTE = Ref("Ingress", "shop", "shop"), Ref("HTTPRoute", "gateways", "shop")


@pytest.fixture(scope="module")
def world() -> Snapshot:
    return read_manifests(["-"], WORLD)


def ways(ref: Ref, *hosts_and_paths: tuple[str, str]) -> list[RouteTo]:
    return [RouteTo(*ref, host, path) for host, path in hosts_and_paths]


def test_two_paths_to_one_service_are_two_ways(world: Snapshot) -> None:
    found = [each for each in routes_to(world, Key("shop", "web")) if each.kind == "Ingress"]
    assert found == ways(INGRESS, ("shop.example.com", "/"), ("shop.example.com", "/old"))


def test_default_backend_is_a_way_for_every_host_and_path(world: Snapshot) -> None:
    assert list(routes_to(world, Key("shop", "fallback"))) == ways(INGRESS, ("", ""))


def test_route_leads_into_the_namespace_that_it_names(world: Snapshot) -> None:
    found = [each for each in routes_to(world, Key("shop", "web")) if each.kind == "HTTPRoute"]
    assert found == ways(
        ROUTE, *((host, path) for host in ("a.example.com", "b.example.com") for path in ("/v1", "/v2"))
    )
    assert len(routes_to(world, Key("gateways", "local"))) == 2
    assert routes_to(world, Key("gateways", "web")) == ()


def test_destinations_are_in_declared_order_and_say_what_is_no_service(world: Snapshot) -> None:
    ends = [end for _, end in destinations(world, INGRESS)]
    assert ends == [
        Key("shop", "web"),
        Key("shop", "cart"),
        Key("shop", "web"),
        None,
        Key("shop", "fallback"),
    ]
    assert None in [end for _, end in destinations(world, ROUTE)]


def test_what_is_not_there_leads_nowhere(world: Snapshot) -> None:
    assert destinations(world, Ref("Ingress", "shop", "none")) == ()
    assert destinations(world, Ref("Service", "shop", "web")) == ()


def test_port_that_an_ingress_means() -> None:
    http, dns = ServicePort("http", port=80, target_port=8080), ServicePort("dns", "UDP", port=53)
    service = Service(spec=ServiceSpec(ports=(http, dns)))
    assert port_meant(service, ServiceBackendPort(number=80)) is http
    assert port_meant(service, ServiceBackendPort("http")) is http
    assert port_meant(service, ServiceBackendPort(number=8080)) is None
    assert port_meant(service, ServiceBackendPort("web")) is None
    assert port_meant(service, ServiceBackendPort()) is None
    assert (
        port_meant(Service(spec=ServiceSpec(ports=(ServicePort(port=80),))), ServiceBackendPort(number=81))
        is None
    )
