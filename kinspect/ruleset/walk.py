"""What the rules of a node do to the first packet of a connection: every way it may take, with its share.

Theory of operation:

1. At a hook the kernel calls the chains in the order of their priorities. A chain's verdict "accept" ends
   that chain only; the next one at the hook is called. "drop" and "reject" end everything.
2. A jump puts a frame on a stack, a goto replaces the one on top. A chain that ends takes the frame below
   up again, a hooked one ends with its policy. A translation ends the nat chains of its hook.
3. A random choice parts the way in two or more, each with its share. Whether a client is remembered is told
   by the dump in nftables mode only; without `memory` every client comes for the first time.
4. A match that nobody can judge is taken not to hold, and the way is doubtful from there on, with the reason.
5. A chain that was chosen for this packet's address or port, and in which nothing happens to it, is said to
   be fallen off of: that is how an emptied chain shows. Other jumps that led to nothing are forgotten.
6. All work is bounded: jumps by the depth of the stack, ways and rules by a budget.

Source: nft(8), iptables(8), and the order of the netfilter hooks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from kinspect.ruleset.engine import Walk
from kinspect.ruleset.matching import Headers, Node
from kinspect.ruleset.model import ChainId, Family, HookName, Ruleset
from kinspect.ruleset.way import Way

Origin = Literal["network", "node"]
"""Whether the packet comes in by an interface, or from a process on the node itself."""


def journey(
    ruleset: Ruleset, headers: Headers, node: Node, origin: Origin = "network", memory: bool = True
) -> tuple[Way, ...]:
    """All ways through the node: in or out of it, or across, with the routing decision in between."""
    ways = walk(ruleset, headers, "prerouting" if origin == "network" else "output", node, memory)
    if origin == "node":
        ways = _through(ruleset, ways, node, "postrouting")
    local = tuple(way for way in ways if node.owns(way.headers.dst))
    others = tuple(_doubting_unless_known(way, node) for way in ways if not node.owns(way.headers.dst))
    # What a node sends to itself comes back in by loopback, its translation already settled.
    local = _through(ruleset, local, node, "input")
    if origin == "network":
        others = _through(ruleset, _through(ruleset, others, node, "forward"), node, "postrouting")
    return (*local, *others)


def walk(
    ruleset: Ruleset, headers: Headers, hook: HookName, node: Node, memory: bool = True
) -> tuple[Way, ...]:
    """The ways through one hook; their shares add up to 1."""
    return _through(ruleset, (Way(1.0, headers),), node, hook, memory)


def walk_chain(ruleset: Ruleset, headers: Headers, chain: ChainId, node: Node) -> tuple[Way, ...]:
    """The ways through one chain alone, as if it were hooked; none if there is no such chain."""
    found = ruleset.chains.get(chain)
    return Walk(ruleset, node, (found,), memory=False).run((Way(1.0, headers),)) if found else ()


def _through(
    ruleset: Ruleset, ways: tuple[Way, ...], node: Node, hook: HookName, memory: bool = True
) -> tuple[Way, ...]:
    """The ways that continue these at a hook; those that have ended stay as they are."""
    family: Family = "ip6" if any(":" in way.headers.dst for way in ways) else "ip"
    return Walk(ruleset, node, ruleset.hooked(hook, family), memory).run(ways)


def _doubting_unless_known(way: Way, node: Node) -> Way:
    unknown = way.end == "accept" and node.owns(way.headers.dst) is None
    return way.doubting(f"whether {way.headers.dst} is an address of the node") if unknown else way


def dnat_shares(ways: Iterable[Way]) -> dict[tuple[str, int], float]:
    """The backends that connections get, with the share of each. Ways without one do not count."""
    shares: dict[tuple[str, int], float] = {}
    for way in ways:
        if way.backend is not None:
            key = (way.headers.dst, way.headers.dport)
            shares[key] = shares.get(key, 0.0) + way.share
    return shares
