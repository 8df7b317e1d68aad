"""Where a cluster IP comes from: the ServiceCIDRs, and the band that is kept for static picks.

Source: KEP-1880 (ServiceCIDR), KEP-3070 (the band: min(max(16, size/16), 256) addresses at the low end).
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal, cast

from kinspect.model.meta import Fact
from kinspect.model.node import ServiceCIDR
from kinspect.model.snapshot import Snapshot

Network = IPv4Network | IPv6Network
Band = Literal["static", "dynamic"]

_BYTE = "(?:[1-9]?[0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])"
_IPV4 = re.compile(rf"(?:{_BYTE}\.){{3}}{_BYTE}").fullmatch


class Range(Fact, frozen=True):
    """A service range and where in it an address lies. `source` is the name of the ServiceCIDR."""

    cidr: str
    source: str
    band: Band


def service_ranges(snapshot: Snapshot) -> tuple[tuple[str, Network], ...]:
    """(ServiceCIDR's name, network) of every range that the cluster declares, by name; malformed ones not."""
    found: list[tuple[str, Network]] = []
    for key, each in sorted(snapshot.of("ServiceCIDR").items()):
        for cidr in cast(ServiceCIDR, each).spec.cidrs:
            network = parse_network(cidr)
            if network is not None:
                found.append((key.name, network))
    return tuple(found)


def range_of(snapshot: Snapshot, address: str) -> Range | None:
    """The range that an address lies in; None = in no declared one, or not an address."""
    parsed = parse_address(address)
    if parsed is None:
        return None
    for source, network in service_ranges(snapshot):
        if parsed in network:
            offset = int(parsed) - int(network.network_address)
            return Range(str(network), source, "static" if offset <= static_band(network) else "dynamic")
    return None


def static_band(network: Network) -> int:
    """How many addresses at the low end are handed out by themselves only when the rest is used up."""
    return min(max(16, network.num_addresses // 16), 256)


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address that a text is, None if it is not one."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def family_of(text: str) -> Literal["IPv4", "IPv6"] | None:
    """The family of the address that a text is, None if it is not one."""
    if _IPV4(text):  # most are, and parsing one takes five times as long
        return "IPv4"
    parsed = parse_address(text)
    return None if parsed is None else "IPv4" if parsed.version == 4 else "IPv6"


def parse_network(text: str) -> Network | None:
    """The network that a text is, None if it is not one."""
    try:
        return ip_network(text)
    except ValueError:
        return None
