"""Services: what the server writes into them, the addresses and ports that it gives out, and what it refuses.

Source: apis/core/v1/defaults.go, registry/core/service/strategy.go and storage/storage.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinspect.lab.admission import service_addresses, service_node_ports, service_rules
from kinspect.lab.status import Cause, Json

if TYPE_CHECKING:
    from kinspect.lab.store import Store

_AFFINITY_TIMEOUT_S = 10_800
_HAVE_VIRTUAL_IP = ("ClusterIP", "NodePort", "LoadBalancer")


def default(store: Store, old: Json | None, new: Json) -> None:
    spec: Json = new.setdefault("spec", {})
    new.setdefault("status", {"loadBalancer": {}})
    spec.setdefault("type", "ClusterIP")
    _default_ports(spec)
    _agree_on_cluster_ips(spec)
    if old is not None:
        _keep_allocated(old["spec"], spec)
        _drop_what_the_type_lacks(old["spec"], spec, new)
    spec.setdefault("sessionAffinity", "None")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif not ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds"):
        spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": _AFFINITY_TIMEOUT_S}}
    if service_rules.externally_accessible(spec):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] in _HAVE_VIRTUAL_IP:
        spec.setdefault("internalTrafficPolicy", "Cluster")
        _default_addresses(spec)
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def validate(store: Store, old: Json | None, new: Json) -> list[Cause]:
    return service_rules.problems(old, new)


def allocate(store: Store, old: Json | None, new: Json) -> list[Cause]:
    return service_addresses.allocate(store, old, new) or service_node_ports.allocate(store, new)


def after(store: Store, old: Json | None, new: Json | None) -> None:
    """Keeps one IPAddress object for every cluster IP."""
    service_addresses.record(store, old, new)


def warnings(new: Json) -> list[str]:
    """What the server says about a Service that it takes nevertheless (api/service/warnings.go)."""
    spec = new["spec"]
    told = []
    if spec.get("clusterIP") == "None" and spec["sessionAffinity"] != "None":
        told.append("spec.SessionAffinity is ignored for headless services")
    if spec.get("externalIPs"):
        told.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    if spec.get("externalName") and spec["type"] != "ExternalName":
        told.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("trafficDistribution") == "PreferClose":
        told.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return told


def _default_ports(spec: Json) -> None:
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in (None, 0, "") and "port" in port:
            port["targetPort"] = port["port"]


def _agree_on_cluster_ips(spec: Json) -> None:
    """Whoever gives only one of `clusterIP` and `clusterIPs` means both."""
    if spec.get("clusterIP") and not spec.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]
    if spec.get("clusterIPs") and not spec.get("clusterIP"):
        spec["clusterIP"] = spec["clusterIPs"][0]


def _default_addresses(spec: Json) -> None:
    """Names the families; only IPv4 is configured here."""
    anyones = spec.get("clusterIP") == "None" and not spec.get("selector")
    # Whoever writes the slices of a headless Service may use both families, on any cluster.
    spec.setdefault("ipFamilies", ["IPv4", "IPv6"] if anyones else ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "RequireDualStack" if anyones else "SingleStack")


def _keep_allocated(old: Json, spec: Json) -> None:
    """What was given out stays, although an update does not mention it (patchAllocatedValues)."""
    if old["type"] in _HAVE_VIRTUAL_IP and spec["type"] in _HAVE_VIRTUAL_IP:
        for field in ("clusterIP", "clusterIPs"):
            if not spec.get(field) and old.get(field):
                spec[field] = old[field]
    if service_rules.needs_node_ports(old) and service_rules.needs_node_ports(spec):
        known = {port.get("name", ""): port.get("nodePort") for port in old.get("ports") or ()}
        taken = {port.get("nodePort") for port in spec.get("ports") or ()}
        for port in spec.get("ports") or ():
            number = known.get(port.get("name", ""))
            if not port.get("nodePort") and number and number not in taken:
                port["nodePort"] = number
    if service_rules.needs_health_check(old) and service_rules.needs_health_check(spec):
        spec.setdefault("healthCheckNodePort", old.get("healthCheckNodePort"))


def _drop_what_the_type_lacks(old: Json, spec: Json, new: Json) -> None:
    """What the new type has no use for goes, unless the update asked for it (dropTypeDependentFields)."""
    if old["type"] in _HAVE_VIRTUAL_IP and spec["type"] not in _HAVE_VIRTUAL_IP:
        _drop_unchanged(old, spec, "clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")
        _drop_unchanged(old, spec, "internalTrafficPolicy")
    if service_rules.needs_node_ports(old) and not service_rules.needs_node_ports(spec):
        before = {port.get("nodePort") for port in old.get("ports") or ()}
        for port in spec.get("ports") or ():
            if port.get("nodePort") in before:
                port.pop("nodePort", None)
    if service_rules.needs_health_check(old) and not service_rules.needs_health_check(spec):
        _drop_unchanged(old, spec, "healthCheckNodePort")
    if old["type"] == "LoadBalancer" and spec["type"] != "LoadBalancer":
        _drop_unchanged(old, spec, "allocateLoadBalancerNodePorts", "loadBalancerClass")
    if service_rules.externally_accessible(old) and not service_rules.externally_accessible(spec):
        _drop_unchanged(old, spec, "externalTrafficPolicy")
    if spec["type"] != "LoadBalancer":
        new["status"] = {"loadBalancer": {}}


def _drop_unchanged(old: Json, spec: Json, *fields: str) -> None:
    for field in fields:
        if spec.get(field) == old.get(field):
            spec.pop(field, None)
