"""Tunnels that are not looked into: a packet is seen at their inner end; what wraps it is said to be opaque.

VXLAN is looked into. WireGuard and IPsec are encrypted, and of the others no filter of ours knows the layout;
the packet is seen all the same as it enters the tunnel's own link, and as it leaves it at the other end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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
