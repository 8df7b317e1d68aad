"""The columns of Services, slices, Ingresses and what else stands in networking.k8s.io."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from kinspect.lab.api.tables.column import AGE, NAME, NONE, UNKNOWN, Column, at, labels, selector, some
from kinspect.lab.status import Json

_WIDEST_ADDRESSES = 16
_DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"


def _cluster_ip(item: Json, now: datetime) -> str:
    return next(iter(item["spec"].get("clusterIPs") or ()), NONE)


def _external_ip(item: Json, now: datetime) -> str:
    spec = item["spec"]
    kind = spec.get("type")
    if kind is None:
        return UNKNOWN
    if kind == "ExternalName":
        return str(spec.get("externalName", ""))
    outside = list(spec.get("externalIPs") or ())
    if kind != "LoadBalancer":
        return ",".join(outside) or NONE
    balancer = _addresses(item)
    return ",".join([balancer, *outside] if balancer else outside) or "<pending>"


def _addresses(item: Json) -> str:
    """The addresses of a balancer, cut short as in a table."""
    entries = item.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
    told = ",".join(sorted({entry.get("ip") or entry.get("hostname", "") for entry in entries}))
    return told if len(told) <= _WIDEST_ADDRESSES else told[: _WIDEST_ADDRESSES - 3] + "..."


def _service_ports(item: Json, now: datetime) -> str:
    told = []
    for port in item["spec"].get("ports") or ():
        number = f"{port['port']}:{port['nodePort']}" if port.get("nodePort") else str(port["port"])
        told.append(f"{number}/{port['protocol']}")
    return ",".join(told) or NONE


def _slice_ports(item: Json, now: datetime) -> str:
    ports = item["ports"]
    return some(port.get("port", port.get("name", "*")) for port in ports) if ports else "<unset>"


def _slice_endpoints(item: Json, now: datetime) -> str:
    endpoints = item["endpoints"]
    if not endpoints:
        return "<unset>"
    return some(address for endpoint in endpoints for address in endpoint["addresses"])


def _subsets(item: Json, now: datetime) -> str:
    """Addresses of ready endpoints with their ports."""
    told: list[str] = []
    for subset in item.get("subsets") or ():
        addresses = [address["ip"] for address in subset.get("addresses") or ()]
        ports = [port["port"] for port in subset.get("ports") or ()]
        told += [f"{ip}:{port}" for port in ports for ip in addresses] if ports else addresses
    return some(told)


def _hosts(item: Json, now: datetime) -> str:
    hosts = [rule["host"] for rule in item["spec"].get("rules") or () if rule.get("host")]
    return some(hosts) if hosts else "*"


def _class_name(item: Json, now: datetime) -> str:
    name = str(item["metadata"].get("name", ""))
    marked = item["metadata"].get("annotations", {}).get(_DEFAULT_CLASS) == "true"
    return f"{name} (default)" if marked else name


def _parent(item: Json, now: datetime) -> str:
    parent = item.get("spec", {}).get("parentRef")
    if not parent:
        return NONE
    parts = [parent.get("resource", ""), parent.get("namespace", ""), parent["name"]]
    return "/".join(part for part in parts if part)


COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "Service": (
        NAME,
        Column("Type", at("spec", "type")),
        Column("Cluster-IP", _cluster_ip),
        Column("External-IP", _external_ip),
        Column("Port(s)", _service_ports),
        AGE,
        Column("Selector", lambda item, now: labels(item["spec"].get("selector")), wide=True),
    ),
    "EndpointSlice": (
        NAME,
        Column("AddressType", at("addressType")),
        Column("Ports", _slice_ports),
        Column("Endpoints", _slice_endpoints),
        AGE,
    ),
    "Endpoints": (NAME, Column("Endpoints", _subsets), AGE),
    "Ingress": (
        NAME,
        Column("Class", at("spec", "ingressClassName", default=NONE)),
        Column("Hosts", _hosts),
        Column("Address", lambda item, now: _addresses(item)),
        Column("Ports", lambda item, now: "80, 443" if item["spec"].get("tls") else "80"),
        AGE,
    ),
    "IngressClass": (
        Column("Name", _class_name, format="name"),
        Column("Controller", at("spec", "controller")),
        Column("Parameters", lambda item, now: NONE),
        AGE,
    ),
    "NetworkPolicy": (
        NAME,
        Column("Pod-Selector", lambda item, now: selector(item["spec"].get("podSelector"))),
        AGE,
    ),
    "IPAddress": (NAME, Column("ParentRef", _parent)),
    "ServiceCIDR": (NAME, Column("CIDRs", lambda item, now: ",".join(item["spec"].get("cidrs", ()))), AGE),
}
