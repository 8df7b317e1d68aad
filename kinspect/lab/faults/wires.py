"""Faults in links, routes and tunnels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinspect.errors import UsageError
from kinspect.lab import addresses, network, places
from kinspect.lab.faults import Fault
from kinspect.lab.faults.targets import other_node

if TYPE_CHECKING:
    from kinspect.lab.supervisor import Lab

SMALL_MTU = 1200
_ICMP_TABLE = "table ip host-icmp"
_NO_ICMP = f"""\
{_ICMP_TABLE}
delete {_ICMP_TABLE}
{_ICMP_TABLE} {{
  chain output {{
    type filter hook output priority filter; policy accept;
    icmp type destination-unreachable icmp code frag-needed drop
  }}
}}
"""


async def _on_first(lab: Lab, *argv: str, stdin: str = "") -> None:
    await lab.ground.must(places.node(lab.nodes[0].name), argv, stdin)


def _require_tunnel(lab: Lab) -> None:
    if lab.means.cni != "vxlan":
        raise UsageError("this fault needs the tunnel and the bridge", "use --cni vxlan")


async def _drop_forwarding_entry(lab: Lab) -> str:
    _require_tunnel(lab)
    first, other = lab.nodes[0], other_node(lab)
    await lab.ground.run(
        places.node(first.name),
        ["bridge", "fdb", "del", other.tunnel_hardware, "dev", network.TUNNEL, "dst", str(other.address)],
    )
    return f"on {first.name}, {network.TUNNEL} no longer knows which node has {other.tunnel_hardware}"


async def _add_forwarding_entry(lab: Lab) -> None:
    await _on_first(lab, "bridge", *network.forwarding_entry(other_node(lab)).split())


async def _drop_route(lab: Lab) -> str:
    first, other = lab.nodes[0], other_node(lab)
    await lab.ground.run(places.node(first.name), ["ip", "route", "del", str(other.pods)])
    return f"on {first.name}, there is no route to {other.pods}, the pods of {other.name}"


async def _add_route(lab: Lab) -> None:
    command = network.route_to(other_node(lab), lab.means.cni).replace("route add", "route replace")
    await _on_first(lab, "ip", *command.split())


async def _forwarding_off(lab: Lab) -> str:
    await _on_first(lab, "sysctl", "-qw", "net.ipv4.ip_forward=0")
    return f"on {lab.nodes[0].name}, net.ipv4.ip_forward is 0"


async def _forwarding_on(lab: Lab) -> None:
    await _on_first(lab, "sysctl", "-qw", "net.ipv4.ip_forward=1")


async def _reverse_path_filter(lab: Lab) -> str:
    await _on_first(lab, "sysctl", "-qw", "net.ipv4.conf.eth0.rp_filter=1")
    await _on_first(lab, "ip", "route", "replace", *_wrong_way_back(lab))
    return f"on {lab.nodes[0].name}, eth0 drops what comes from {addresses.CLIENT}: the way back is another"


async def _no_reverse_path_filter(lab: Lab) -> None:
    await lab.ground.run(places.node(lab.nodes[0].name), ["ip", "route", "del", *_wrong_way_back(lab)])
    await _on_first(lab, "sysctl", "-qw", "net.ipv4.conf.eth0.rp_filter=0")


def _wrong_way_back(lab: Lab) -> tuple[str, ...]:
    device = network.BRIDGE if lab.means.cni == "vxlan" else "lo"
    return (str(addresses.CLIENT), "dev", device)


async def _mtu_hole(lab: Lab) -> str:
    device = network.TUNNEL if lab.means.cni == "vxlan" else "eth0"
    await _on_first(lab, "ip", "link", "set", device, "mtu", str(SMALL_MTU))
    # Path MTU discovery would mend it: a firewall that eats the ICMP messages keeps it broken.
    await _on_first(lab, "nft", "-f", "-", stdin=_NO_ICMP)
    return f"on {lab.nodes[0].name}, {device} has MTU {SMALL_MTU}, and nobody is told"


async def _mtu_back(lab: Lab) -> None:
    device, mtu = (network.TUNNEL, network.pod_mtu("vxlan"))
    if lab.means.cni != "vxlan":
        device, mtu = "eth0", network.WIRE_MTU
    await _on_first(lab, "ip", "link", "set", device, "mtu", str(mtu))
    await _on_first(lab, "nft", "-f", "-", stdin=f"{_ICMP_TABLE}\ndelete {_ICMP_TABLE}\n")


FAULTS = (
    Fault(
        "fdb-entry-missing",
        "Pods of one node do not reach those of another, while node to node all is well: the tunnel does not"
        " know where to send the outer packet. Each direction has an entry of its own.",
        _drop_forwarding_entry,
        _add_forwarding_entry,
    ),
    Fault(
        "route-missing",
        "Packets to the pods of one node leave by the default route and are lost there: no route, no tunnel.",
        _drop_route,
        _add_route,
    ),
    Fault(
        "ip-forward-off",
        "A node with net.ipv4.ip_forward=0 is no router: its pods reach each other on the bridge, and nothing"
        " else. Something resets this sysctl on many machines.",
        _forwarding_off,
        _forwarding_on,
    ),
    Fault(
        "reverse-path-filter",
        "One client is not heard on one node: strict reverse path filtering (rp_filter=1) drops what comes by"
        " a link that its answer would not leave by. No rule shows it; nstat has TcpExtIPReversePathFilter.",
        _reverse_path_filter,
        _no_reverse_path_filter,
    ),
    Fault(
        "mtu-hole",
        "Connections open and small answers arrive, large ones hang: full packets do not fit, and the ICMP"
        " message that would say so is filtered.",
        _mtu_hole,
        _mtu_back,
    ),
)
