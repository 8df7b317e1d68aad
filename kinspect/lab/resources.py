"""The resources that the lab's API server serves: where each lives, and what may be asked of it.

The order is the order of discovery. Source: the discovery documents of a Kubernetes 1.36 API server, of which
this is the part that the lab has.
"""

from __future__ import annotations

from typing import NamedTuple

GATEWAY_GROUP = "gateway.networking.k8s.io"


class Resource(NamedTuple):
    """One resource. `group` is "" for core. `generation`: its objects count changes of their spec.

    `deprecated` is the warning that every answer about it carries.
    """

    kind: str
    plural: str
    group: str
    version: str
    namespaced: bool
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    generation: bool = True
    deprecated: str = ""

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """The name in messages: `services`, `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def verbs(self) -> tuple[str, ...]:
        every = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
        # A namespace is never deleted together with others.
        return tuple(v for v in every if v != "deletecollection") if self.kind == "Namespace" else every


_ALL = ("all",)
_STATUS = ("status",)
_SCALE = ("scale", "status")

RESOURCES: tuple[Resource, ...] = (
    Resource("ConfigMap", "configmaps", "", "v1", True, ("cm",), generation=False),
    Resource(
        "Endpoints",
        "endpoints",
        "",
        "v1",
        True,
        ("ep",),
        generation=False,
        deprecated="v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    ),
    Resource("Event", "events", "", "v1", True, ("ev",), generation=False),
    Resource("Namespace", "namespaces", "", "v1", False, ("ns",), (), ("finalize", "status"), False),
    Resource("Node", "nodes", "", "v1", False, ("no",), (), _STATUS, False),
    Resource("Pod", "pods", "", "v1", True, ("po",), _ALL, _STATUS),
    Resource("Secret", "secrets", "", "v1", True, generation=False),
    Resource("ServiceAccount", "serviceaccounts", "", "v1", True, ("sa",), generation=False),
    Resource("Service", "services", "", "v1", True, ("svc",), _ALL, _STATUS, False),
    Resource("DaemonSet", "daemonsets", "apps", "v1", True, ("ds",), _ALL, _STATUS),
    Resource("Deployment", "deployments", "apps", "v1", True, ("deploy",), _ALL, _SCALE),
    Resource("ReplicaSet", "replicasets", "apps", "v1", True, ("rs",), _ALL, _SCALE),
    Resource("StatefulSet", "statefulsets", "apps", "v1", True, ("sts",), _ALL, _SCALE),
    Resource("IngressClass", "ingressclasses", "networking.k8s.io", "v1", False),
    Resource("Ingress", "ingresses", "networking.k8s.io", "v1", True, ("ing",), (), _STATUS),
    Resource("IPAddress", "ipaddresses", "networking.k8s.io", "v1", False, ("ip",), generation=False),
    Resource("NetworkPolicy", "networkpolicies", "networking.k8s.io", "v1", True, ("netpol",)),
    Resource(
        "ServiceCIDR", "servicecidrs", "networking.k8s.io", "v1", False, (), (), _STATUS, generation=False
    ),
    Resource("EndpointSlice", "endpointslices", "discovery.k8s.io", "v1", True),
)

GATEWAY_RESOURCES: tuple[Resource, ...] = (
    Resource("GatewayClass", "gatewayclasses", GATEWAY_GROUP, "v1", False, ("gc",), (), _STATUS),
    Resource("Gateway", "gateways", GATEWAY_GROUP, "v1", True, ("gtw",), (), _STATUS),
    Resource("GRPCRoute", "grpcroutes", GATEWAY_GROUP, "v1", True, (), (), _STATUS),
    Resource("HTTPRoute", "httproutes", GATEWAY_GROUP, "v1", True, (), (), _STATUS),
    Resource("ReferenceGrant", "referencegrants", GATEWAY_GROUP, "v1", True, ("refgrant",)),
    Resource("TCPRoute", "tcproutes", GATEWAY_GROUP, "v1", True, (), (), _STATUS),
    Resource("TLSRoute", "tlsroutes", GATEWAY_GROUP, "v1", True, (), (), _STATUS),
)
"""The Gateway API: stored and served when asked for, as a cluster may or may not have it installed."""
