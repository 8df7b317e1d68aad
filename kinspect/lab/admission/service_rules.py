"""What is wrong with a Service, in the API server's words. Source: ValidateService, apis/core/validation."""

from __future__ import annotations

import ipaddress

from kinspect.lab.admission import causes
from kinspect.lab.status import Cause, Json

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_POLICIES = ("Cluster", "Local")
_DISTRIBUTIONS = ("PreferClose", "PreferSameNode", "PreferSameZone")
_SPEC = "spec"


def needs_node_ports(spec: Json) -> bool:
    """Whether the server gives node ports to a Service that names none."""
    if spec["type"] == "NodePort":
        return True
    return spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is not False


def needs_health_check(spec: Json) -> bool:
    return spec["type"] == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def externally_accessible(spec: Json) -> bool:
    return spec["type"] in ("NodePort", "LoadBalancer") or (
        spec["type"] == "ClusterIP" and bool(spec.get("externalIPs"))
    )


def problems(old: Json | None, new: Json) -> list[Cause]:
    spec = new[_SPEC]
    found = _immutable(old[_SPEC], spec) if old is not None else []
    if spec["type"] not in _TYPES:
        return [*found, causes.not_supported("spec.type", spec["type"], _TYPES)]
    return found + _of_the_type(spec) + _of_ports(spec) + _of_addresses(spec) + _of_policies(spec)


def _immutable(old: Json, spec: Json) -> list[Cause]:
    found: list[Cause] = []
    named = "ExternalName" in (old["type"], spec["type"])
    before, asked = old.get("clusterIPs") or [], spec.get("clusterIPs") or []
    if not named and before and before != asked:
        found.append(causes.invalid("spec.clusterIPs[0]", asked, "may not change once set"))
    if old["type"] == spec["type"] == "LoadBalancer":
        before, asked = old.get("loadBalancerClass"), spec.get("loadBalancerClass")
        if before != asked:
            found.append(causes.invalid("spec.loadBalancerClass", asked, "may not change once set"))
    checked = needs_health_check(old) and needs_health_check(spec)
    if checked and old.get("healthCheckNodePort") != spec.get("healthCheckNodePort"):
        found.append(causes.forbidden("spec.healthCheckNodePort", "field is immutable"))
    return found


def _of_the_type(spec: Json) -> list[Cause]:
    kind, headless = spec["type"], spec.get("clusterIP") == "None"
    found = []
    if not spec.get("ports") and not headless and kind != "ExternalName":
        found.append(causes.required("spec.ports"))
    if kind in ("LoadBalancer", "NodePort") and headless:
        told = f"may not be set to 'None' for {kind} services"
        found.append(causes.invalid("spec.clusterIPs[0]", "None", told))
    if kind == "ExternalName":
        given = {**spec, "clusterIPs": spec.get("clusterIPs") or spec.get("clusterIP")}
        found += [
            causes.forbidden(f"spec.{field}", "may not be set for ExternalName services")
            for field in ("clusterIPs", "ipFamilies", "ipFamilyPolicy")
            if given.get(field)
        ]
        name = (spec.get("externalName") or "").removesuffix(".")
        found += (
            causes.subdomain("spec.externalName", name) if name else [causes.required("spec.externalName")]
        )
    if spec.get("loadBalancerSourceRanges") and kind != "LoadBalancer":
        told = "may only be used when `type` is 'LoadBalancer'"
        found.append(causes.forbidden("spec.LoadBalancerSourceRanges", told))
    if kind != "LoadBalancer" and spec.get("loadBalancerClass"):
        told = "may only be used when `type` is 'LoadBalancer'"
        found.append(causes.forbidden("spec.loadBalancerClass", told))
    return found


def _of_ports(spec: Json) -> list[Cause]:
    found: list[Cause] = []
    ports = spec.get("ports") or []
    names: set[str] = set()
    seen: set[tuple[object, object]] = set()
    seen_node_ports: set[tuple[object, object]] = set()
    for index, port in enumerate(ports):
        path = f"spec.ports[{index}]"
        found += _of_port(spec, port, path, several=len(ports) > 1, names=names)
        key = (port["protocol"], port.get("port"))
        if key in seen:
            value = {"Name": "", "Protocol": key[0], "AppProtocol": None, "Port": key[1]}
            found.append(causes.duplicate(path, value | {"TargetPort": 0, "NodePort": 0}))
        seen.add(key)
        if port.get("nodePort"):
            key = (port["protocol"], port["nodePort"])
            if key in seen_node_ports:
                found.append(causes.duplicate(f"{path}.nodePort", port["nodePort"]))
            seen_node_ports.add(key)
    return found


def _of_port(spec: Json, port: Json, path: str, *, several: bool, names: set[str]) -> list[Cause]:
    found: list[Cause] = []
    name = port.get("name") or ""
    if several and not name:
        found.append(causes.required(f"{path}.name"))
    elif name:
        found += causes.label(f"{path}.name", name)
        if name in names:
            found.append(causes.duplicate(f"{path}.name", name))
        names.add(name)
    found += causes.port_number(f"{path}.port", port.get("port", 0))
    if port["protocol"] not in _PROTOCOLS:
        found.append(causes.not_supported(f"{path}.protocol", port["protocol"], _PROTOCOLS))
    found += causes.port(f"{path}.targetPort", port.get("targetPort", 0))
    if port.get("nodePort") and spec["type"] == "ClusterIP":
        told = "may not be used when `type` is 'ClusterIP'"
        found.append(causes.forbidden(f"{path}.nodePort", told))
    return found


def _of_addresses(spec: Json) -> list[Cause]:
    if spec["type"] == "ExternalName":
        return []
    found: list[Cause] = []
    given = spec.get("clusterIPs") or []
    if spec.get("clusterIP") and given and given[0] != spec["clusterIP"]:
        found.append(causes.invalid("spec.clusterIPs", given, "first value must match `clusterIP`"))
    for index, address in enumerate(given):
        if not (index == 0 and address == "None"):
            found += _of_address(f"spec.clusterIPs[{index}]", address)
    for index, address in enumerate(spec.get("externalIPs") or ()):
        found += _of_address(f"spec.externalIPs[{index}]", address)
    return found


def _of_address(field: str, address: str) -> list[Cause]:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        told = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        return [causes.invalid(field, address, told)]
    return []


def _of_policies(spec: Json) -> list[Cause]:
    found: list[Cause] = []
    if spec["sessionAffinity"] not in ("ClientIP", "None"):
        found.append(
            causes.not_supported("spec.sessionAffinity", spec["sessionAffinity"], ("ClientIP", "None"))
        )
    elif spec["sessionAffinity"] == "ClientIP":
        timeout = spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"]
        if not 1 <= timeout <= 86_400:
            field = "spec.sessionAffinityConfig.clientIP.timeoutSeconds"
            told = "must be greater than 0 and less than 86400"
            found.append(causes.invalid(field, timeout, told))
    outside = spec.get("externalTrafficPolicy")
    if outside and not externally_accessible(spec):
        told = "may only be set for externally-accessible services"
        found.append(causes.invalid("spec.externalTrafficPolicy", outside, told))
    elif outside and outside not in _POLICIES:
        found.append(causes.not_supported("spec.externalTrafficPolicy", outside, _POLICIES))
    inside = spec.get("internalTrafficPolicy")
    if inside and inside not in _POLICIES:
        found.append(causes.not_supported("spec.internalTrafficPolicy", inside, _POLICIES))
    if spec.get("healthCheckNodePort") and not needs_health_check(spec):
        told = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        found.append(causes.invalid("spec.healthCheckNodePort", spec["healthCheckNodePort"], told))
    distribution = spec.get("trafficDistribution")
    if distribution and distribution not in _DISTRIBUTIONS:
        found.append(causes.not_supported("spec.trafficDistribution", distribution, _DISTRIBUTIONS))
    return found
