"""What is not looked into is said to be opaque: tunnels of some kinds, and eBPF programs.

VXLAN is looked into. WireGuard and IPsec are encrypted, and of the others no filter of ours knows the layout;
the packet is seen all the same as it enters the tunnel's own link, and as it leaves it at the other end.
An eBPF program may translate, redirect or drop a packet, or translate in connect(2), where no packet is yet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kinspect.model.observation import Link
from kinspect.model.path import Hop
from kinspect.trace.sighting import Place

KINDS = frozenset(("wireguard", "ipip", "geneve", "gre", "gretap", "sit", "ip6tnl", "xfrm", "vti", "bareudp"))
"""As `ip -d link` names them."""


def opaque(hops: Iterable[Hop], links: Mapping[Place, Iterable[Link]]) -> str:
    """In words, the tunnels on the way whose outside is not looked into; "" = there are none."""
    kinds = {(place.name, link.name): link.kind for place, found in links.items() for link in found}
    told: dict[str, None] = {}
    for hop in hops:
        kind = kinds.get((hop.place.name, hop.interface or ""), "")
        if kind in KINDS:
            told[f"{hop.interface} of {hop.place.name} is a {kind} tunnel"] = None
    return f"{', '.join(told)}: what is around the packet between its ends is opaque" if told else ""


MAKERS = {"cil_": "Cilium", "cali_": "Calico", "calico_": "Calico"}
"""Whose a program is, by how its name begins."""


class Program(NamedTuple):
    """An eBPF program at a hook of a link, or of the sockets (`link` "") of whoever sends from that place."""

    place: Place
    link: str
    hook: str
    name: str


def hooked(programs: Iterable[Program]) -> tuple[str, ...]:
    """In words, the programs that the packet met; () = none is known of."""
    links: dict[str, list[str]] = defaultdict(list)
    sockets: dict[str, list[str]] = defaultdict(list)
    for each in programs:
        maker = next((maker for begin, maker in MAKERS.items() if each.name.startswith(begin)), "")
        name = f"{each.name or 'without a name'}{f' ({maker})' if maker else ''}"
        if each.link:
            links[name].append(f"{each.hook} of {each.link} at {each.place}")
        else:
            sockets[name].append(f"{each.hook}(2) at {each.place}")
    told = [
        f"eBPF program {name} in {', '.join(at)}: it may translate a destination before there is any packet"
        for name, at in sockets.items()
    ]
    told += [
        f"eBPF program {name} at {', '.join(at)}: what it does to a packet, no rule and no table tells"
        for name, at in links.items()
    ]
    return tuple(told)
