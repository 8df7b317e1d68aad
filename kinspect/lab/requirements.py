"""What this machine must have for a lab, what is missing, and what still works without it.

Asked inside the namespaces that the lab would use: only there is it known what they may do.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

from kinspect.errors import NotPermitted
from kinspect.lab import programs
from kinspect.lab.ground import Ground
from kinspect.lab.network import Cni
from kinspect.lab.serviceproxy import Mode

# Each line prints its word when it can be done.
_QUESTIONS = """
ip link add kt0 type vxlan id 1 dev lo dstport 8472 && echo vxlan
ip link add kt1 type bridge && test -e /proc/sys/net/bridge/bridge-nf-call-iptables && echo br_netfilter
iptables -t nat -A OUTPUT -m statistic --mode random --probability 0.5 && echo iptables
nft add table ip kinspect-try && echo nftables
ip link del kt0; ip link del kt1; iptables -t nat -F OUTPUT; nft delete table ip kinspect-try
"""

_PACKAGES = {"ip": "iproute2", "bridge": "iproute2", "nsenter": "util-linux", "sysctl": "procps"}


class Means(NamedTuple):
    """What a lab is built with, and what is to be said about it ("" = as asked).

    `policies`: whether NetworkPolicies can be enforced.
    """

    cni: Cni
    proxy: Mode
    note: str
    policies: bool


def require_programs() -> None:
    """Raises NotPermitted naming the programs that no lab can do without."""
    if sys.platform != "linux":
        raise NotPermitted(
            "the lab's network needs Linux", "`kinspect demo` shows the same story without packets"
        )
    missing = [program for program in _PACKAGES if not programs.find(program)]
    if missing:
        packages = sorted({_PACKAGES[program] for program in missing})
        raise NotPermitted(f"the lab needs {', '.join(missing)}", f"install {' and '.join(packages)}")


async def choose(ground: Ground, cni: Cni | None, proxy: Mode | None) -> Means:
    """How the lab can be built; what was asked for and cannot be had is an error, what was not is replaced.

    Raises NotPermitted.
    """
    able = set((await ground.run(None, ["sh", "-c", _QUESTIONS])).stdout.split())
    missing = [name for name in ("vxlan", "br_netfilter") if name not in able]
    if cni == "vxlan" and missing:
        hint = "load them with modprobe, or use --cni routed, which needs neither"
        raise NotPermitted(f"--cni vxlan needs the kernel's {' and '.join(missing)}", hint)
    if not able & {"iptables", "nftables"}:
        raise NotPermitted(
            "the lab needs iptables or nft, and leave to use it", "install nftables or iptables"
        )
    if proxy and proxy not in able:
        other = (able & {"iptables", "nftables"}).pop()
        raise NotPermitted(f"--proxy {proxy} does not work on this machine", f"use --proxy {other}")
    notes = [f"without {' and '.join(missing)}: pods are routed, not bridged"] if missing and not cni else []
    if "nftables" not in able:
        notes.append("without nftables: NetworkPolicies are kept, not enforced")
    default: Mode = "iptables" if "iptables" in able else "nftables"
    chosen = cni or ("routed" if missing else "vxlan")
    return Means(chosen, proxy or default, "; ".join(notes), "nftables" in able)
