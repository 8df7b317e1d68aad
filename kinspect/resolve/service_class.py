"""What kind of Service this is: who moves its packets, and what its name answers.

Types are nested (a LoadBalancer has node ports and cluster IPs too), so the tests are made in a fixed order.
Source: core/v1 types.go (ServiceSpec); kube-proxy serviceport.go and pkg/proxy/util (ShouldSkipService).
"""

from __future__ import annotations

from typing import Literal

from kinspect.model.service import Service
from kinspect.resolve.addresses import family_of
from kinspect.resolve.membership import has_selector
from kinspect.resolve.ports import names_target

ServiceClass = Literal["ExternalName", "headless", "LoadBalancer", "NodePort", "ClusterIP"]

PROXY_NAME = "service.kubernetes.io/service-proxy-name"
"""The label by which a Service is handed to another proxy; its value does not matter to kube-proxy."""


def class_of(service: Service) -> ServiceClass:
    """The one class of the Service."""
    kind = service.spec.type
    if kind == "ExternalName":
        return "ExternalName"
    if service.headless:
        return "headless"
    if kind == "LoadBalancer":
        return "LoadBalancer"
    return "NodePort" if kind == "NodePort" else "ClusterIP"


def has_virtual_ip(service: Service) -> bool:
    """Whether clients dial an address that a proxy translates. True too before one is allocated."""
    return service.spec.type != "ExternalName" and service.spec.cluster_ip != "None"


def has_slices(service: Service) -> bool:
    """Whether slices may be written for it, by whomever. An ExternalName Service is but a name."""
    return service.spec.type != "ExternalName"


def has_named_targets(service: Service) -> bool:
    """Whether a targetPort is a name, to be looked up on each pod that it selects."""
    return has_selector(service) and any(map(names_target, service.spec.ports))


def selectorless(service: Service) -> bool:
    """Whether somebody else writes its slices. An ExternalName Service needs none and is not meant."""
    return service.spec.type != "ExternalName" and not has_selector(service)


def families_of(service: Service) -> tuple[str, ...]:
    """The address families that its clients use: those of its cluster IPs; both where they dial endpoints."""
    found = dict.fromkeys(filter(None, map(family_of, service.virtual_ips)))
    return tuple(found) or ("IPv4", "IPv6")
