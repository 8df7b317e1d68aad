"""The kinds that the product reads: where the API keeps them, and the Struct that a decoder makes of one."""

from __future__ import annotations

from typing import NamedTuple

from kinspect.model.endpointslice import EndpointSlice
from kinspect.model.gateway import (
    Gateway,
    GatewayClass,
    GRPCRoute,
    HTTPRoute,
    ReferenceGrant,
    TCPRoute,
    TLSRoute,
)
from kinspect.model.ingress import Ingress, IngressClass
from kinspect.model.meta import Object
from kinspect.model.node import Namespace, Node, ServiceCIDR
from kinspect.model.pod import DaemonSet, Deployment, Pod, StatefulSet
from kinspect.model.policy import NetworkPolicy
from kinspect.model.service import Service


class Kind(NamedTuple):
    """One kind. `versions` in order of preference, as `group/version` ("v1" for the core group)."""

    name: str
    plural: str
    versions: tuple[str, ...]
    namespaced: bool
    type: type[Object]

    @property
    def group(self) -> str:
        """The API group, "" for core."""
        first = self.versions[0]
        return first.rpartition("/")[0]


_GATEWAY = "gateway.networking.k8s.io"

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        # In the order in which they are read: what fills the first screen comes first, pods stream in behind.
        Kind("Service", "services", ("v1",), True, Service),
        Kind("EndpointSlice", "endpointslices", ("discovery.k8s.io/v1",), True, EndpointSlice),
        Kind("Namespace", "namespaces", ("v1",), False, Namespace),
        Kind("Node", "nodes", ("v1",), False, Node),
        Kind("Ingress", "ingresses", ("networking.k8s.io/v1",), True, Ingress),
        Kind("IngressClass", "ingressclasses", ("networking.k8s.io/v1",), False, IngressClass),
        Kind("Gateway", "gateways", (f"{_GATEWAY}/v1", f"{_GATEWAY}/v1beta1"), True, Gateway),
        Kind(
            "GatewayClass", "gatewayclasses", (f"{_GATEWAY}/v1", f"{_GATEWAY}/v1beta1"), False, GatewayClass
        ),
        Kind("HTTPRoute", "httproutes", (f"{_GATEWAY}/v1", f"{_GATEWAY}/v1beta1"), True, HTTPRoute),
        Kind("GRPCRoute", "grpcroutes", (f"{_GATEWAY}/v1", f"{_GATEWAY}/v1alpha2"), True, GRPCRoute),
        Kind(
            "TLSRoute",
            "tlsroutes",
            (f"{_GATEWAY}/v1", f"{_GATEWAY}/v1alpha3", f"{_GATEWAY}/v1alpha2"),
            True,
            TLSRoute,
        ),
        Kind("TCPRoute", "tcproutes", (f"{_GATEWAY}/v1", f"{_GATEWAY}/v1alpha2"), True, TCPRoute),
        Kind(
            "ReferenceGrant",
            "referencegrants",
            (f"{_GATEWAY}/v1", f"{_GATEWAY}/v1beta1"),
            True,
            ReferenceGrant,
        ),
        Kind("NetworkPolicy", "networkpolicies", ("networking.k8s.io/v1",), True, NetworkPolicy),
        Kind(
            "ServiceCIDR",
            "servicecidrs",
            ("networking.k8s.io/v1", "networking.k8s.io/v1beta1"),
            False,
            ServiceCIDR,
        ),
        Kind("Pod", "pods", ("v1",), True, Pod),
        Kind("Deployment", "deployments", ("apps/v1",), True, Deployment),
        Kind("StatefulSet", "statefulsets", ("apps/v1",), True, StatefulSet),
        Kind("DaemonSet", "daemonsets", ("apps/v1",), True, DaemonSet),
    )
}

ROUTE_KINDS = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute")
"""The Gateway API kinds that name backends."""

NAMES: dict[str, str] = {
    # kubectl's short names, singulars and plurals → kind
    **{kind.plural: kind.name for kind in KINDS.values()},
    **{kind.name.lower(): kind.name for kind in KINDS.values()},
    "svc": "Service",
    "po": "Pod",
    "no": "Node",
    "ns": "Namespace",
    "ing": "Ingress",
    "deploy": "Deployment",
    "sts": "StatefulSet",
    "ds": "DaemonSet",
    "netpol": "NetworkPolicy",
    "gtw": "Gateway",
    "gc": "GatewayClass",
    "refgrant": "ReferenceGrant",
}
