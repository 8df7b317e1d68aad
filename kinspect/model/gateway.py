"""Gateway API (gateway.networking.k8s.io): gateways and the routes that lead to Services.

All route kinds share one shape here: whom they attach to, for which hosts, and which backends they name.
Source: kubernetes-sigs/gateway-api apis/v1.
"""

from __future__ import annotations

from msgspec import field

from kinspect.model.meta import Condition, Fact, Object


class ParentReference(Fact, frozen=True):
    """What a route attaches to; the defaults are a Gateway of the route's own namespace."""

    group: str = "gateway.networking.k8s.io"
    kind: str = "Gateway"
    namespace: str | None = None
    name: str = ""
    section_name: str | None = None
    port: int | None = None


class BackendRef(Fact, frozen=True):
    """A backend; `namespace` None = the route's own, another one needs a ReferenceGrant."""

    group: str = ""
    kind: str = "Service"
    namespace: str | None = None
    name: str = ""
    port: int | None = None
    weight: int = 1


class PathMatch(Fact, frozen=True):
    type: str = "PathPrefix"
    value: str = "/"


class MethodMatch(Fact, frozen=True):
    """A gRPC method match."""

    type: str = "Exact"
    service: str = ""
    method: str = ""


class HeaderMatch(Fact, frozen=True):
    type: str = "Exact"
    name: str = ""
    value: str = ""


class RouteMatch(Fact, frozen=True):
    """One match of a rule; `method` is an HTTP verb on an HTTPRoute, a gRPC method on a GRPCRoute."""

    path: PathMatch | None = None
    headers: tuple[HeaderMatch, ...] = ()
    method: str | MethodMatch | None = None


class RouteRule(Fact, frozen=True):
    """No `matches` = everything matches."""

    matches: tuple[RouteMatch, ...] = ()
    backend_refs: tuple[BackendRef, ...] = ()


class RouteSpec(Fact, frozen=True):
    parent_refs: tuple[ParentReference, ...] = ()
    hostnames: tuple[str, ...] = ()
    rules: tuple[RouteRule, ...] = ()


class RouteParentStatus(Fact, frozen=True):
    parent_ref: ParentReference = ParentReference()
    controller_name: str = ""
    conditions: tuple[Condition, ...] = ()


class RouteStatus(Fact, frozen=True):
    parents: tuple[RouteParentStatus, ...] = ()


class Route(Object, frozen=True):
    """An HTTPRoute, GRPCRoute, TLSRoute or TCPRoute."""

    spec: RouteSpec = RouteSpec()
    status: RouteStatus = RouteStatus()


class HTTPRoute(Route, frozen=True):
    pass


class GRPCRoute(Route, frozen=True):
    pass


class TLSRoute(Route, frozen=True):
    pass


class TCPRoute(Route, frozen=True):
    pass


class Listener(Fact, frozen=True):
    name: str = ""
    hostname: str | None = None
    port: int = 0
    protocol: str = ""


class GatewaySpec(Fact, frozen=True):
    gateway_class_name: str = ""
    listeners: tuple[Listener, ...] = ()


class GatewayAddress(Fact, frozen=True):
    type: str | None = None
    value: str = ""


class GatewayStatus(Fact, frozen=True):
    addresses: tuple[GatewayAddress, ...] = ()
    conditions: tuple[Condition, ...] = ()


class Gateway(Object, frozen=True):
    spec: GatewaySpec = GatewaySpec()
    status: GatewayStatus = GatewayStatus()


class GatewayClassSpec(Fact, frozen=True):
    controller_name: str = ""


class GatewayClassStatus(Fact, frozen=True):
    conditions: tuple[Condition, ...] = ()


class GatewayClass(Object, frozen=True):
    spec: GatewayClassSpec = GatewayClassSpec()
    status: GatewayClassStatus = GatewayClassStatus()


class GrantFrom(Fact, frozen=True):
    group: str = ""
    kind: str = ""
    namespace: str = ""


class GrantTo(Fact, frozen=True):
    group: str = ""
    kind: str = ""
    name: str | None = None


class ReferenceGrantSpec(Fact, frozen=True):
    from_: tuple[GrantFrom, ...] = field(default=(), name="from")
    to: tuple[GrantTo, ...] = ()


class ReferenceGrant(Object, frozen=True):
    spec: ReferenceGrantSpec = ReferenceGrantSpec()
