"""A node's packet filter as one model: chains with hooks, sets and maps, and what to distrust about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from msgspec import field

from kinspect.model.meta import Fact
from kinspect.ruleset.terms import Jump, Part, Verdict

Mode = Literal["iptables", "nftables", "ipvs", "both", "none"]
"""Which kind of service proxy the tables show; "none" = no rule of any is there."""

HookName = Literal["prerouting", "input", "forward", "output", "postrouting"]
HOOKS: tuple[HookName, ...] = ("prerouting", "input", "forward", "output", "postrouting")


Family = Literal["ip", "ip6"]


class ChainId(NamedTuple):
    """`table` is "nat" in iptables and "ip kube-proxy" (family and name) in nftables."""

    table: str
    name: str

    def serves(self, family: Family) -> bool:
        """Whether packets of this family meet it; tables of iptables name none, and serve what was dumped."""
        of_table, blank, _ = self.table.partition(" ")
        return not blank or of_table in (family, "inet")


class Rule(Fact, frozen=True):
    """`text` is the rule as the tool prints it, without counters; nft rules are retold from their JSON."""

    parts: tuple[Part, ...]
    text: str
    comment: str = ""

    @property
    def targets(self) -> Iterator[str]:
        """The chains that it names itself, not those that its maps lead to."""
        for part in self.parts:
            if isinstance(part, Jump):
                yield part.chain


class Hook(Fact, frozen=True):
    """Where the kernel calls a chain; lower priorities first. `kind` "nat" sees only new connections."""

    name: HookName
    priority: int
    kind: str
    policy: Literal["accept", "drop"] = "accept"


class Chain(Fact, frozen=True):
    id: ChainId
    rules: tuple[Rule, ...] = ()
    hook: Hook | None = None


class Container(Fact, frozen=True):
    """A named set or map of nftables: element → verdict (None in a set) and element → comment.

    An element is a tuple of texts, one for each of its fields. `ranges` is true if elements may be networks.
    """

    id: ChainId
    elements: Mapping[tuple[str, ...], Verdict | Jump | None] = field(default_factory=dict)
    comments: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    timeout_s: int | None = None
    ranges: bool = False


class RealServer(Fact, frozen=True):
    """A backend of a virtual server; weight 0 = it only keeps the connections that it has."""

    address: str
    port: int
    weight: int


class VirtualServer(Fact, frozen=True):
    """An entry of the kernel's IPVS table. `persistent_s` None = clients are not remembered."""

    protocol: str
    address: str
    port: int
    scheduler: str
    servers: tuple[RealServer, ...] = ()
    persistent_s: int | None = None


class Note(Fact, frozen=True):
    """Something that was not understood, or must not be trusted. `where` is a line, a table or a chain."""

    where: str
    text: str


class Ruleset(Fact, frozen=True):
    """Everything that was read. `notes` are few: repeated ones are counted in one.

    `virtual_servers` None = nobody asked for them; in ipvs mode nothing can be said without.
    `complete` = every tool answered that could show a proxy's rules: only then an absence proves something.
    """

    mode: Mode = "none"
    chains: Mapping[ChainId, Chain] = field(default_factory=dict)
    containers: Mapping[ChainId, Container] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    virtual_servers: tuple[VirtualServer, ...] | None = None
    complete: bool = False

    def hooked(self, name: HookName, family: Family = "ip") -> tuple[Chain, ...]:
        """The chains at a hook for packets of this family, in the order in which the kernel calls them."""
        found = [
            (each.hook.priority, each)
            for each in self.chains.values()
            if each.hook and each.hook.name == name and each.id.serves(family)
        ]
        return tuple(chain for _, chain in sorted(found, key=lambda pair: pair[0]))
