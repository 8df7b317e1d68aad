"""What a service proxy is told: the objects it watches and the few flags that change its rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address, ip_network

from kinspect.model.endpointslice import EndpointSlice
from kinspect.model.node import Node
from kinspect.model.service import Service

LOOPBACK = "127.0.0.1"
_EVERYTHING = "0.0.0.0/0"


@dataclass(frozen=True, slots=True)
class World:
    """All facts that the rules of any node follow from.

    `cluster_cidr` "" = the proxy cannot tell pods from strangers (detectLocalMode without a clusterCIDR), so
    the rules that depend on it are absent. `node_port_addresses` are CIDRs or "primary"; None = the default
    of the mode: every address in iptables mode, the primary one in nftables mode (KubeProxyConfiguration).
    """

    services: tuple[Service, ...] = ()
    slices: tuple[EndpointSlice, ...] = ()
    nodes: tuple[Node, ...] = ()
    cluster_cidr: str = ""
    service_cidrs: tuple[str, ...] = ()
    node_port_addresses: tuple[str, ...] | None = None

    def node(self, name: str) -> Node | None:
        """The node of this name, or None: a proxy may start before its Node object is there."""
        return next((each for each in self.nodes if each.name == name), None)

    def node_ip(self, name: str) -> str:
        """The node's first IPv4 InternalIP, "" before it has one."""
        found = _ipv4_of(self.node(name))
        return found[0] if found else ""


def node_port_ips(world: World, node_name: str, default: tuple[str, ...]) -> tuple[str, ...] | None:
    """The node's addresses that answer on node ports; None = all of them, loopback included.

    Of the interfaces only those are known that the Node object tells: its InternalIPs, and loopback.
    Source: kube-proxy NodePortAddresses.
    """
    wanted = default if world.node_port_addresses is None else world.node_port_addresses
    if _EVERYTHING in wanted:
        return None
    own = _ipv4_of(world.node(node_name))
    chosen = [own[0]] if "primary" in wanted and own else []
    networks = [ip_network(each, strict=False) for each in wanted if each != "primary"]
    chosen += [ip for ip in (*own, LOOPBACK) if any(ip_address(ip) in each for each in networks)]
    return tuple(dict.fromkeys(chosen))


def ipv4_addresses(texts: Iterable[str]) -> tuple[str, ...]:
    """Those that are IPv4 addresses: a proxy serves one family, and skips what is no address at all."""
    return tuple(text for text in texts if _is_ipv4(text))


def _ipv4_of(node: Node | None) -> tuple[str, ...]:
    return ipv4_addresses(node.internal_ips) if node else ()


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True
