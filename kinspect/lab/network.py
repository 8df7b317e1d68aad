"""The wires of the lab: what joins the places, in the layout of flannel with the CNI bridge plugin.

    client ── balancer ── fabric (a switch) ── eth0 of node1, node2 …
    vxlan:  a node's pods hang on its bridge cni0; to other nodes' pods it goes by the tunnel flannel.1
    routed: a node has a route to each of its pods, and routes to the others' by their addresses; no bridge,
            so that it also works where the kernel does not show bridged packets to the rules

Everything is a text of `ip -batch`, one per place, so that a boot costs few processes. Source:
interfaces, routes, neighbours and forwarding entries of nodes under flannel's vxlan back end; for routed,
those of Calico without a tunnel.
"""

from __future__ import annotations

import asyncio
import hashlib
from ipaddress import IPv4Address
from typing import Literal

from kinspect.lab import addresses, places
from kinspect.lab.addresses import NodeAddresses
from kinspect.lab.ground import Ground
from kinspect.lab.places import Place

Cni = Literal["vxlan", "routed"]

TUNNEL = "flannel.1"
BRIDGE = "cni0"
WIRE_MTU = 1500
TUNNEL_OVERHEAD = 50
LINK_GATEWAY = "169.254.1.1"
"""What routed pods take for their gateway: nobody has it, the node answers for it (proxy ARP)."""

_QUIET = {"net/ipv6/conf/default/disable_ipv6": "1", "net/ipv6/conf/all/disable_ipv6": "1"}
_ROUTER = {**_QUIET, "net/ipv4/ip_forward": "1"}
# A router with several ways to an address keeps a connection on one of them: hash its ports as well.
_BALANCER = {**_ROUTER, "net/ipv4/fib_multipath_hash_policy": "1"}


def pod_mtu(cni: Cni) -> int:
    return WIRE_MTU - TUNNEL_OVERHEAD if cni == "vxlan" else WIRE_MTU


def veth(uid: str) -> str:
    """The name of a pod's interface on its node."""
    return "veth" + hashlib.sha1(uid.encode(), usedforsecurity=False).hexdigest()[:8]


async def build(ground: Ground, nodes: tuple[NodeAddresses, ...], cni: Cni, resolver: str) -> None:
    """Makes the outside, the switch and the nodes; afterwards nodes reach each other and the client."""
    await asyncio.gather(
        ground.place(places.CLIENT, settings=_QUIET),
        ground.place(places.BALANCER, settings=_BALANCER),
        *(ground.place(places.node(node.name), settings=_ROUTER, resolver=resolver) for node in nodes),
    )
    await ground.ip(None, _fabric(ground, nodes))
    await asyncio.gather(
        ground.ip(places.CLIENT, _client()),
        ground.ip(places.BALANCER, _balancer()),
        *(_wire_node(ground, node, nodes, cni) for node in nodes),
    )


def _fabric(ground: Ground, nodes: tuple[NodeAddresses, ...]) -> list[str]:
    """The switch with one port per node, and the wire from the balancer to the client."""
    client, balancer = ground.inner_pid(places.CLIENT), ground.inner_pid(places.BALANCER)
    commands = ["link add fabric type bridge", "link set fabric up"]
    ports = [("balancer", "eth0", balancer)]
    ports += [(node.name, "eth0", ground.inner_pid(places.node(node.name))) for node in nodes]
    for port, inside, pid in ports:
        commands.append(f"link add {port} type veth peer name {inside} netns {pid}")
        commands.append(f"link set {port} master fabric up")
    # Nothing but the balancer lies between the client and the nodes.
    commands.append(f"link add name eth1 netns {balancer} type veth peer name eth0 netns {client}")
    return commands


def _client() -> list[str]:
    return [
        "link set lo up",
        f"addr add {addresses.CLIENT}/{addresses.OUTSIDE_NETWORK.prefixlen} dev eth0",
        "link set eth0 up",
        f"route add default via {addresses.OUTSIDE_GATEWAY}",
    ]


def _balancer() -> list[str]:
    return [
        "link set lo up",
        f"addr add {addresses.NODE_GATEWAY}/{addresses.NODE_NETWORK.prefixlen} dev eth0",
        f"addr add {addresses.API_SERVER}/32 dev eth0",
        f"addr add {addresses.OUTSIDE_GATEWAY}/{addresses.OUTSIDE_NETWORK.prefixlen} dev eth1",
        "link set eth0 up",
        "link set eth1 up",
        # As on the way to the internet: what nobody owns is not answered.
        "route add blackhole default",
    ]


def _node(node: NodeAddresses, nodes: tuple[NodeAddresses, ...], cni: Cni) -> list[str]:
    commands = [
        "link set lo up",
        f"addr add {node.address}/{addresses.NODE_NETWORK.prefixlen} dev eth0",
        "link set eth0 up",
        f"route add default via {addresses.NODE_GATEWAY} dev eth0",
    ]
    others = [other for other in nodes if other != node]
    routes = [route_to(other, cni) for other in others]
    if cni == "routed":
        return commands + routes
    tunnel = f"link add {TUNNEL} address {node.tunnel_hardware} mtu {pod_mtu(cni)} type vxlan id 1"
    commands += [
        f"link add {BRIDGE} mtu {pod_mtu(cni)} type bridge",
        f"addr add {node.bridge}/{node.pods.prefixlen} dev {BRIDGE}",
        f"link set {BRIDGE} up",
        f"{tunnel} local {node.address} dev eth0 dstport 8472 nolearning",
        f"addr add {node.tunnel}/32 dev {TUNNEL}",
        f"link set {TUNNEL} up",
    ]
    neighbours = [
        f"neigh add {other.tunnel} lladdr {other.tunnel_hardware} dev {TUNNEL} nud permanent"
        for other in others
    ]
    return commands + routes + neighbours


def route_to(other: NodeAddresses, cni: Cni) -> str:
    """By which a node finds another's pods: a command of `ip -batch`."""
    if cni == "routed":
        return f"route add {other.pods} via {other.address} dev eth0"
    return f"route add {other.pods} via {other.tunnel} dev {TUNNEL} onlink"


def forwarding_entry(other: NodeAddresses) -> str:
    """By which a tunnel finds the node behind another's hardware address: a command of `bridge -batch`."""
    return f"fdb replace {other.tunnel_hardware} dev {TUNNEL} dst {other.address}"


async def _wire_node(ground: Ground, node: NodeAddresses, nodes: tuple[NodeAddresses, ...], cni: Cni) -> None:
    place = places.node(node.name)
    await ground.ip(place, _node(node, nodes, cni))
    if cni == "vxlan":
        entries = [forwarding_entry(other) for other in nodes if other != node]
        await ground.must(place, ["bridge", "-batch", "-"], "\n".join(entries) + "\n")


async def join(
    ground: Ground, place: Place, uid: str, address: IPv4Address, node: NodeAddresses, cni: Cni
) -> None:
    """Wires a pod's place to its node; afterwards it reaches all others."""
    name, mtu = veth(uid), pod_mtu(cni)
    pid = ground.inner_pid(place)
    wire = f"link add {name} mtu {mtu} type veth peer name eth0 mtu {mtu} netns {pid}"
    up = ["link set lo up", "link set eth0 up"]
    if cni == "vxlan":
        # Hairpin mode: without it a pod cannot reach itself by a Service.
        ports = [f"link set {name} master {BRIDGE} up", f"link set dev {name} type bridge_slave hairpin on"]
        await ground.ip(places.node(node.name), [wire, *ports])
        inside = [f"addr add {address}/{node.pods.prefixlen} dev eth0", *up]
        await ground.ip(place, [*inside, f"route add default via {node.bridge}"])
        return
    await ground.ip(places.node(node.name), [wire, f"link set {name} up", f"route add {address} dev {name}"])
    # The node answers for the gateway, and at once: by default it waits up to 0.8 s with such an answer.
    answering = [f"net.ipv4.conf.{name}.proxy_arp=1", f"net.ipv4.neigh.{name}.proxy_delay=0"]
    await ground.must(places.node(node.name), ["sysctl", "-qw", *answering])
    await ground.ip(
        place,
        [f"addr add {address}/32 dev eth0", *up, f"route add default via {LINK_GATEWAY} dev eth0 onlink"],
    )


async def place_pod(ground: Ground, place: Place, environment: dict[str, str], resolver: str) -> None:
    """Makes the (unwired) place of a pod."""
    await ground.place(place, environment=environment, resolver=resolver, settings=_QUIET)
