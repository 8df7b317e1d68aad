"""The lab's addresses: the same in every lab, since two labs never meet. All of them exist only inside.

Nodes, the client and the balancer's addresses are from the ranges kept for documentation (RFC 5737); pods and
Services use the ranges that flannel and kubeadm use unless told otherwise.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

NODE_NETWORK = IPv4Network("192.0.2.0/24")
NODE_GATEWAY = NODE_NETWORK[1]
API_SERVER = NODE_NETWORK[5]
OUTSIDE_NETWORK = IPv4Network("203.0.113.0/24")
OUTSIDE_GATEWAY = OUTSIDE_NETWORK[1]
CLIENT = OUTSIDE_NETWORK[9]
LOAD_BALANCER_NETWORK = IPv4Network("198.51.100.0/24")

POD_NETWORK = IPv4Network("10.244.0.0/16")
SEGMENTS = tuple(POD_NETWORK.subnets(new_prefix=24))

MAXIMUM_NODES = 100


class NodeAddresses(NamedTuple):
    """What one node owns."""

    name: str
    number: int

    @property
    def address(self) -> IPv4Address:
        return NODE_NETWORK[10 + self.number]

    @property
    def pods(self) -> IPv4Network:
        """The segment of its pods."""
        return SEGMENTS[self.number]

    @property
    def tunnel(self) -> IPv4Address:
        """The address of its tunnel device, as flannel has it: the segment's first."""
        return self.pods[0]

    @property
    def bridge(self) -> IPv4Address:
        """The address of its pod bridge: its pods' default gateway."""
        return self.pods[1]

    @property
    def tunnel_hardware(self) -> str:
        return f"02:00:00:00:00:{self.number:02x}"


def nodes(count: int) -> tuple[NodeAddresses, ...]:
    """node1 … of a lab with so many nodes."""
    return tuple(NodeAddresses(f"node{number}", number) for number in range(1, count + 1))
