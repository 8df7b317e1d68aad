"""Cluster IPs: given out from the ServiceCIDR objects, recorded as IPAddress objects.

A range has two bands: the lower one is left to those who choose their address themselves (KEP-3070).
Source: registry/core/service/ipallocator (KEP-1880).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING

from kinspect.lab.admission import causes
from kinspect.lab.status import Cause, Json

if TYPE_CHECKING:
    from kinspect.lab.store import Store

_MANAGED = {"ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io"}


def allocate(store: Store, old: Json | None, new: Json) -> list[Cause]:
    """Gives the Service its cluster IP, or checks the one that it names."""
    spec = new["spec"]
    if spec["type"] == "ExternalName" or spec.get("clusterIP") == "None":
        return []
    kept = set(old["spec"].get("clusterIPs") or ()) if old is not None else set()
    networks = list(_networks(store))
    if not spec.get("clusterIPs"):
        if any(family != "IPv4" for family in spec["ipFamilies"]):
            told = "not configured on this cluster"
            return [causes.invalid(f"spec.ipFamilies[{spec['ipFamilies'].index('IPv6')}]", "IPv6", told)]
        address = _free(store, networks)
        if address is None:
            return [causes.invalid("spec.clusterIPs", [], "failed to allocate IP: range is full")]
        spec["clusterIP"], spec["clusterIPs"] = address, [address]
        return []
    for address in spec["clusterIPs"]:
        if address not in kept and (why := _unavailable(store, networks, address)):
            told = f"failed to allocate IP {address}: {why}"
            return [causes.invalid("spec.clusterIPs", spec["clusterIPs"], told)]
    return []


def record(store: Store, old: Json | None, new: Json | None) -> None:
    """Makes the IPAddress objects agree with a Service that was written, or is gone (`new` None)."""
    before, now = _addresses(old), _addresses(new)
    for address in before - now:
        if store.find("IPAddress", "", address) is not None:
            store.delete("IPAddress", "", address)
    for address in sorted(now - before):
        assert new is not None
        meta = new["metadata"]
        parent = {"resource": "services", "namespace": meta["namespace"], "name": meta["name"]}
        family = {"ipaddress.kubernetes.io/ip-family": f"IPv{ipaddress.ip_address(address).version}"}
        store.create(
            {
                "kind": "IPAddress",
                "apiVersion": "networking.k8s.io/v1",
                "metadata": {"name": address, "labels": family | _MANAGED},
                "spec": {"parentRef": parent},
            }
        )


def _addresses(service: Json | None) -> set[str]:
    listed = service["spec"].get("clusterIPs") or () if service is not None else ()
    return {address for address in listed if address != "None"}


def _networks(store: Store) -> Iterator[ipaddress.IPv4Network]:
    for item in store.list("ServiceCIDR"):
        if "deletionTimestamp" not in item["metadata"]:
            for cidr in item["spec"]["cidrs"]:
                network = ipaddress.ip_network(cidr)
                if isinstance(network, ipaddress.IPv4Network):
                    yield network


def _unavailable(store: Store, networks: list[ipaddress.IPv4Network], address: str) -> str:
    """Why this address cannot be had; "" when it can."""
    wanted = ipaddress.ip_address(address)
    for network in networks:
        if wanted in network:
            if wanted in (network.network_address, network.broadcast_address):
                valid = f"The range of valid IPs is {network}"
                return f"the provided IP ({address}) is not in the valid range. {valid}"
            taken = store.find("IPAddress", "", address) is not None
            return "provided IP is already allocated" if taken else ""
    return "the provided network does not match the current range"


def _free(store: Store, networks: list[ipaddress.IPv4Network]) -> str | None:
    """A free address, from anywhere in the upper band first."""
    for network in networks:
        size = network.num_addresses
        band = min(max(16, size // 16), 256)
        for first, last in ((band, size - 1), (1, min(band, size - 1))):
            offset = store.rng.randrange(first, last) if last > first else first
            for step in range(last - first):
                position = first + (offset - first + step) % (last - first)
                address = str(network[position])
                if store.find("IPAddress", "", address) is None:
                    return address
    return None
