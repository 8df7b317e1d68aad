"""How each fault is made on a node of the real cluster: as a bug, a firewall or an administrator makes it.

1. A change is the commands that break and the ones that heal. Healing is tried to its end, whatever fails.
2. Rules are edited as text: the proxy's table is dumped, loaded with a part taken out, and healed by loading
   the dump itself.
3. kube-proxy would mend some of this at its next sync. So it is stopped before the table is dumped, and goes
   on when the dump is back: it finds its rules as it left them.
4. Pods stay ready meanwhile: what the slices say is the healthy state, which the node falls short of.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tests.conformance import layout

from .ground import run

if TYPE_CHECKING:
    from .real import Real

SMALL_MTU, MTU = "1200", "1500"
NOBODY = "250"
"""The host number of an address that no pod has."""


class Step(NamedTuple):
    """One command in a place of the cluster."""

    place: str
    command: Sequence[str]
    stdin: str = ""


class Change(NamedTuple):
    breaks: Sequence[Step]
    heals: Sequence[Step]


class Site(NamedTuple):
    """A cluster, and the numbers of the node to break and of the other one."""

    ground: Real
    here: int
    there: int

    @property
    def node(self) -> layout.Node:
        return layout.NODES[self.here - 1]

    @property
    def place(self) -> str:
        return f"node/{self.node.name}"

    @property
    def pod(self) -> str:
        return f"pod/faults/pair-{self.here}"

    def on_node(self, *commands: str, stdin: str = "") -> list[Step]:
        """Steps on the broken node, each written as one would type it."""
        return [Step(self.place, command.split(), stdin) for command in commands]


@contextlib.contextmanager
def broken(ground: Real, name: str, here: int, there: int) -> Iterator[None]:
    """The node is broken for as long as the block lasts."""
    site = Site(ground, here, there)
    with contextlib.ExitStack() as healing:
        healing.enter_context(_held(ground, site.place))
        change = _change(name, site)
        for step in reversed(change.heals):
            healing.callback(_do, ground, step)
        for step in change.breaks:
            _do(ground, step)
        yield


def _do(ground: Real, step: Step) -> None:
    run(ground, step.place, step.command, step.stdin)


@contextlib.contextmanager
def _held(ground: Real, place: str) -> Iterator[None]:
    """kube-proxy of the node stands still."""
    (process,) = ground.processes(place, "kube-proxy")
    handle = os.pidfd_open(process)
    try:
        signal.pidfd_send_signal(handle, signal.SIGSTOP)
        yield
    finally:
        signal.pidfd_send_signal(handle, signal.SIGCONT)
        os.close(handle)


def _change(name: str, site: Site) -> Change:
    return _edited(site, *_EDITS[name][site.node.proxy_mode]) if name in _EDITS else _CHANGES[name](site)


_EDITS = {
    "chain-emptied": {
        "iptables": (r"^-A KUBE-SVC-\w+ .*faults/a-pair:http.*\n", ""),
        "nftables": (r"(\tchain service-\S+faults/a-pair/\S* \{\n)(\t\t.*\n)*", r"\1"),
    },
    "stale-backend": {
        "iptables": (r"(faults/a-pair:http.* --to-destination {pods})\d+", rf"\g<1>{NOBODY}"),
        "nftables": (r"(\tchain service-\S+faults/a-pair/\S* \{{\n.* {pods})\d+", rf"\g<1>{NOBODY}"),
    },
    "missing-backend": {
        "iptables": (r"^-A KUBE-SVC-\w+ .*faults/a-pair:http.* --probability .*\n", ""),
        "nftables": (
            r"(\tchain service-\S+faults/a-pair/\S* \{\n.*) mod 2 map \{ 0 : .*, 1 : ",
            r"\1 mod 1 map { 0 : ",
        ),
    },
    "lost-jump": {
        "iptables": (r"^-A PREROUTING .*-j KUBE-SERVICES\n", ""),
        "nftables": (r"(\tchain nat-prerouting \{\n.*\n)(\t\t.*\n)*", r"\1"),
    },
    "lost-entrance": {
        "iptables": (r"^-A KUBE-SERVICES .*faults/a-pair:http cluster IP.*\n", ""),
        "nftables": (r"\S+ \. tcp \. 80 : goto service-\S+faults/a-pair/tcp/http,?\s*", ""),
    },
    "rules-gone": {"iptables": (r"^.*KUBE-.*\n", ""), "nftables": (r"(?s).+", "")},
    "masquerade-missing": {
        "iptables": (r"^-A KUBE-POSTROUTING .*\n", ""),
        "nftables": (r"(\tchain masquerading \{\n)(\t\t.*\n)*", r"\1"),
    },
}
"""What is taken out of the dumped rules of each mode: a pattern, and what is left of it."""

_TABLES = {
    "iptables": ("iptables-save -t nat", "iptables-restore", ""),
    "nftables": (
        "nft list table ip kube-proxy",
        "nft -f -",
        "table ip kube-proxy\ndelete table ip kube-proxy\n",
    ),
}
"""What dumps the proxy's table, what loads it, and what a load must begin with to replace it."""


def _edited(site: Site, pattern: str, left: str) -> Change:
    dumps, loads, beginning = _TABLES[site.node.proxy_mode]
    kept = run(site.ground, site.place, dumps.split())
    if "{pods}" in pattern:
        pods = re.escape(site.node.pod_cidr.removesuffix("0/24"))
        pattern = pattern.format(pods=pods)
    edited, times = re.subn(pattern, left, kept, flags=re.MULTILINE)
    assert times, f"nothing in the rules of {site.place} is {pattern}"
    return Change(site.on_node(loads, stdin=beginning + edited), site.on_node(loads, stdin=beginning + kept))


def _firewall(site: Site, hook: str, rule: str) -> Change:
    """A rule in a table of somebody else, ahead of the proxy's."""
    gone = "table ip host-firewall\ndelete table ip host-firewall\n"
    table = f"""\
table ip host-firewall {{
  chain {hook} {{
    type filter hook {hook} priority -250; policy accept;
    {rule}
  }}
}}
"""
    return Change(site.on_node("nft -f -", stdin=table), site.on_node("nft -f -", stdin=gone))


def _forward_drop(site: Site) -> Change:
    return _firewall(site, "forward", "drop")


def _node_port_firewall(site: Site) -> Change:
    return _firewall(site, "prerouting", "tcp dport 30070 drop")


def _route_missing(site: Site) -> Change:
    other = layout.NODES[site.there - 1]
    route = f"{other.pod_cidr} via {other.address}"
    return Change(site.on_node(f"ip route del {route}"), site.on_node(f"ip route replace {route}"))


def _ip_forward_off(site: Site) -> Change:
    return Change(
        site.on_node("sysctl -qw net.ipv4.ip_forward=0"), site.on_node("sysctl -qw net.ipv4.ip_forward=1")
    )


def _reverse_path_filter(site: Site) -> Change:
    """Packets of the client come in by eth0, while the route back to it leads into the bridge."""
    setting, route = "net.ipv4.conf.eth0.rp_filter", f"{layout.CLIENT} dev cni0"
    before = run(site.ground, site.place, ["sysctl", "-n", setting]).strip()
    return Change(
        site.on_node(f"sysctl -qw {setting}=1", f"ip route add {route}"),
        site.on_node(f"ip route del {route}", f"sysctl -qw {setting}={before}"),
    )


def _mtu_hole(site: Site) -> Change:
    silent = _firewall(site, "output", "icmp type destination-unreachable icmp code frag-needed drop")
    return Change(
        [*site.on_node(f"ip link set eth0 mtu {SMALL_MTU}"), *silent.breaks],
        [*site.on_node(f"ip link set eth0 mtu {MTU}"), *silent.heals],
    )


def _listener_on_loopback(site: Site) -> Change:
    """The container's server has a signal for it; see tests/conformance/container.py."""
    (server,) = site.ground.processes(site.pod, "/container.py")

    def listening(by: str, address: str) -> list[Step]:
        until = f"until ss -ltnH | grep -q {address}:8080; do sleep 0.02; done"
        return [Step(site.pod, ["kill", f"-{by}", str(server)]), Step(site.pod, ["sh", "-c", until])]

    return Change(listening("USR1", "127.0.0.1"), listening("USR2", "0.0.0.0"))


def _hairpin_off(site: Site) -> Change:
    port = f"bridge link set dev {_wire(site)} hairpin"
    return Change(site.on_node(f"{port} off"), site.on_node(f"{port} on"))


def _pod_link_down(site: Site) -> Change:
    link = f"ip link set {_wire(site)}"
    return Change(site.on_node(f"{link} down"), site.on_node(f"{link} up"))


def _wire(site: Site) -> str:
    """The name of the node's end of the pod's link."""
    (inside,) = json.loads(run(site.ground, site.pod, ["ip", "-j", "link", "show", "eth0"]))
    links = json.loads(run(site.ground, site.place, ["ip", "-j", "link"]))
    return next(each["ifname"] for each in links if each["ifindex"] == inside["link_index"])


_CHANGES: dict[str, Callable[[Site], Change]] = {
    "forward-drop": _forward_drop,
    "node-port-firewall": _node_port_firewall,
    "route-missing": _route_missing,
    "ip-forward-off": _ip_forward_off,
    "reverse-path-filter": _reverse_path_filter,
    "mtu-hole": _mtu_hole,
    "listener-on-loopback": _listener_on_loopback,
    "hairpin-off": _hairpin_off,
    "pod-link-down": _pod_link_down,
}
