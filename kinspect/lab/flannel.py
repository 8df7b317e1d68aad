"""The rules that flannel gives a node: pods may be forwarded, and are masqueraded on their way outside.

In iptables mode they are chains in the tables that the service proxy shares, in nftables mode tables of their
own. Source: flannel's pkg/trafficmngr (iptables and nftables).
"""

from __future__ import annotations

from kinspect.lab.addresses import POD_NETWORK, NodeAddresses

_MULTICAST = "224.0.0.0/4"


def iptables(node: NodeAddresses) -> dict[str, list[str]]:
    """Table → lines of iptables-restore, to stand behind those of the service proxy."""
    masquerade = '-m comment --comment "flanneld masq"'
    forward = '-m comment --comment "flanneld forward"'
    pods, own = POD_NETWORK, node.pods
    return {
        "nat": [
            ":FLANNEL-POSTRTG - [0:0]",
            f"-A POSTROUTING {masquerade} -j FLANNEL-POSTRTG",
            f"-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 {masquerade} -j RETURN",
            f"-A FLANNEL-POSTRTG -s {own} -d {pods} {masquerade} -j RETURN",
            f"-A FLANNEL-POSTRTG -s {pods} -d {own} {masquerade} -j RETURN",
            f"-A FLANNEL-POSTRTG ! -s {pods} -d {own} {masquerade} -j RETURN",
            f"-A FLANNEL-POSTRTG -s {pods} ! -d {_MULTICAST} {masquerade} -j MASQUERADE --random-fully",
            f"-A FLANNEL-POSTRTG ! -s {pods} -d {pods} {masquerade} -j MASQUERADE --random-fully",
        ],
        "filter": [
            ":FLANNEL-FWD - [0:0]",
            f"-A FORWARD {forward} -j FLANNEL-FWD",
            f"-A FLANNEL-FWD -s {pods} {forward} -j ACCEPT",
            f"-A FLANNEL-FWD -d {pods} {forward} -j ACCEPT",
        ],
    }


def spliced(restore: str, added: dict[str, list[str]]) -> str:
    """A complete iptables-restore text with these lines at the end of their tables."""
    lines: list[str] = []
    table = ""
    for line in restore.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line == "COMMIT":
            lines += added.get(table, [])
        lines.append(line)
    return "\n".join(lines) + "\n"


def nftables(node: NodeAddresses) -> str:
    """A script of `nft -f` that may be loaded again."""
    pods, own = POD_NETWORK, node.pods
    return f"""\
table ip flannel-ipv4
delete table ip flannel-ipv4
table ip flannel-ipv4 {{
  chain forward {{
    type filter hook forward priority filter; policy accept;
    ip saddr {pods} accept
    ip daddr {pods} accept
  }}
  chain postrtg {{
    type nat hook postrouting priority srcnat; policy accept;
    meta mark & 0x4000 == 0x4000 return
    ip saddr {own} ip daddr {pods} return
    ip saddr {pods} ip daddr {own} return
    ip saddr != {pods} ip daddr {own} return
    ip saddr {pods} ip daddr != {_MULTICAST} masquerade fully-random
    ip saddr != {pods} ip daddr {pods} masquerade fully-random
  }}
}}
"""
