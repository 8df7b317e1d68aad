"""The cluster's networks: one switch, and on it the control plane, a client outside, and every node.

Pods are routed from node to node (no tunnel), by routes as a network add-on would write them.
"""

import subprocess

from . import layout

_NODE_SYSCTLS = (
    "net.ipv4.ip_forward=1",
    "net.ipv4.conf.all.rp_filter=0",
    # Without it the replies between pods of one bridge would bypass the translation back.
    "net.bridge.bridge-nf-call-iptables=1",
)


def within(place: str) -> list[str]:
    """The beginning of a command line that runs the rest in a place: control-plane, client or a node."""
    return ["nsenter", f"--net=/run/netns/{place}", "--"]


def create() -> None:
    """Makes all networks, in a mount namespace that is already our own."""
    _run("mount", "-t", "tmpfs", "tmpfs", "/run")
    _run("ip", "link", "add", "switch", "type", "bridge")
    # The gateway takes what nobody else does and, not forwarding, drops it: an outside that is silent.
    _run("ip", "address", "add", f"{layout.GATEWAY}/24", "dev", "switch")
    _run("ip", "link", "set", "switch", "up")
    _attach("control-plane", layout.CONTROL_PLANE)
    _attach("client", layout.CLIENT)
    for node in layout.NODES:
        _attach(node.name, node.address)
        _run(*within(node.name), "sysctl", "-qw", *_NODE_SYSCTLS)
        # kube-proxy relies on it: with no route at all, connecting to a Service fails before any rule is met.
        _run("ip", "-n", node.name, "route", "add", "default", "via", layout.GATEWAY)
    for place in ("control-plane", *(node.name for node in layout.NODES)):
        for other in layout.NODES:
            if place != other.name:
                _run("ip", "-n", place, "route", "add", other.pod_cidr, "via", other.address)


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


def _attach(place: str, address: str) -> None:
    _run("ip", "netns", "add", place)
    _run("ip", "link", "add", f"to-{place}"[:15], "type", "veth", "peer", "name", "eth0", "netns", place)
    _run("ip", "link", "set", f"to-{place}"[:15], "master", "switch", "up")
    _run("ip", "-n", place, "address", "add", f"{address}/24", "dev", "eth0")
    for link in ("lo", "eth0"):
        _run("ip", "-n", place, "link", "set", link, "up")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
