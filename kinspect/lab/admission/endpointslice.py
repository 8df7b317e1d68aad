"""EndpointSlices, also those written by hand. Source: apis/discovery/v1, validation."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from kinspect.lab.admission import causes
from kinspect.lab.status import Cause, Json

if TYPE_CHECKING:
    from kinspect.lab.store import Store

_ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
_MOST_ENDPOINTS = 1_000


def default(store: Store, old: Json | None, new: Json) -> None:
    new["endpoints"] = new.get("endpoints") or None
    new["ports"] = new.get("ports") or None
    for port in new["ports"] or ():
        port["name"] = port.get("name") or ""
        port["protocol"] = port.get("protocol") or "TCP"
    for endpoint in new["endpoints"] or ():
        endpoint.setdefault("conditions", {})


def validate(store: Store, old: Json | None, new: Json) -> list[Cause]:
    kind = new.get("addressType") or ""
    if not kind:
        return [causes.required("addressType")]
    if kind not in _ADDRESS_TYPES:
        return [causes.not_supported("addressType", kind, _ADDRESS_TYPES)]
    if old is not None and old["addressType"] != kind:
        return [causes.invalid("addressType", kind, "field is immutable")]
    endpoints = new["endpoints"] or []
    if len(endpoints) > _MOST_ENDPOINTS:
        told = f"Too many: {len(endpoints)}: must have at most {_MOST_ENDPOINTS} items"
        return [Cause("FieldValueTooMany", told, "endpoints")]
    found = _of_ports(new["ports"] or [])
    for index, endpoint in enumerate(endpoints):
        found += _of_addresses(kind, endpoint, f"endpoints[{index}].addresses")
    return found


def _of_ports(ports: list[Json]) -> list[Cause]:
    found: list[Cause] = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        if port["name"]:
            found += causes.label(f"ports[{index}].name", port["name"])
        if port["name"] in names:
            found.append(causes.duplicate(f"ports[{index}].name", port["name"]))
        names.add(port["name"])
    return found


def _of_addresses(kind: str, endpoint: Json, path: str) -> list[Cause]:
    addresses = endpoint.get("addresses") or []
    if not addresses:
        return [causes.required(path, "must contain at least 1 address")]
    if kind == "FQDN":
        return []
    return [
        cause
        for index, address in enumerate(addresses)
        for cause in _of_address(kind, address, path, f"{path}[{index}]")
    ]


def _of_address(kind: str, address: str, path: str, field: str) -> list[Cause]:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        told = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        return [causes.invalid(field, address, told)]
    if f"IPv{found.version}" != kind:
        article = "an IPv4" if kind == "IPv4" else "an IPv6"
        return [causes.invalid(path, address, f"must be {article} address")]
    if found.is_loopback:
        return [causes.invalid(field, address, "may not be in the loopback range (127.0.0.0/8, ::1/128)")]
    if found.is_link_local:
        told = "may not be in the link-local range (169.254.0.0/16, fe80::/10)"
        return [causes.invalid(field, address, told)]
    return []
