"""The cluster's networks: a switch with the control plane and the nodes on it, a router, a client behind it.

The router is this network namespace itself. It takes the balancer's addresses to the nodes, by the hash of a
connection's ports, and drops in silence what nobody owns, as the world outside does. Pods are routed from
node to node (no tunnel), by routes as a network add-on would write them.
"""

import subprocess

from . import layout

_ROUTER_SYSCTLS = ("net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0")
_NODE_SYSCTLS = (
    *_ROUTER_SYSCTLS,
    # Without it the replies between pods of one bridge would bypass the translation back.
    "net.bridge.bridge-nf-call-iptables=1",
)


def within(place: str) -> list[str]:
    """The beginning of a command line that runs the rest in a place: control-plane, client or a node."""
    return ["nsenter", f"--net=/run/netns/{place}", "--"]


def create() -> None:
    """Makes all networks, in a mount namespace that is already our own."""
    _run("mount", "-t", "tmpfs", "tmpfs", "/run")
    _run("sysctl", "-qw", *_ROUTER_SYSCTLS, "net.ipv4.fib_multipath_hash_policy=1")
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "link", "add", "switch", "type", "bridge")
    _run("ip", "address", "add", f"{layout.NODE_GATEWAY}/24", "dev", "switch")
    _run("ip", "link", "set", "switch", "up")
    _add("client", "to-client", layout.CLIENT)
    _run("ip", "address", "add", f"{layout.OUTSIDE_GATEWAY}/24", "dev", "to-client")
    _run("ip", "-n", "client", "route", "add", "default", "via", layout.OUTSIDE_GATEWAY)
    _add("control-plane", "to-control", layout.CONTROL_PLANE)
    _run("ip", "link", "set", "to-control", "master", "switch")
    for node in layout.NODES:
        _add_node(node)
    nexthops = [word for node in layout.NODES for word in ("nexthop", "via", node.address)]
    _run("ip", "route", "add", layout.BALANCER_CIDR, *nexthops)
    _run("ip", "route", "add", "blackhole", "default")


def cni(node: layout.Node) -> dict[str, object]:
    """The network configuration that a node's containerd reads."""
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isDefaultGateway": True,
        "hairpinMode": True,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": node.pod_cidr}]]},
    }
    return {"cniVersion": "1.0.0", "name": "conformance", "plugins": [bridge]}


def _add_node(node: layout.Node) -> None:
    _add(node.name, f"to-{node.name}", node.address)
    _run("ip", "link", "set", f"to-{node.name}", "master", "switch")
    _run(*within(node.name), "sysctl", "-qw", *_NODE_SYSCTLS)
    # kube-proxy relies on it: with no route at all, connecting to a Service fails before any rule is met.
    _run("ip", "-n", node.name, "route", "add", "default", "via", layout.NODE_GATEWAY)
    # Pods that leave the cluster's pod network take their node's address, as with most network add-ons.
    _run(*within(node.name), "iptables", "-t", "nat", "-A", "POSTROUTING", "-s", layout.POD_CIDR,
         "!", "-d", layout.POD_CIDR, "-j", "MASQUERADE")  # fmt: skip
    for other in layout.NODES:
        if other != node:
            _run("ip", "-n", node.name, "route", "add", other.pod_cidr, "via", other.address)
    _run("ip", "-n", "control-plane", "route", "add", node.pod_cidr, "via", node.address)


def _add(place: str, port: str, address: str) -> None:
    """Makes a place with one wire to the router, where its end is the port."""
    _run("ip", "netns", "add", place)
    _run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", place)
    _run("ip", "link", "set", port, "up")
    _run("ip", "-n", place, "address", "add", f"{address}/24", "dev", "eth0")
    for link in ("lo", "eth0"):
        _run("ip", "-n", place, "link", "set", link, "up")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
