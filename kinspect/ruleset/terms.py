"""What a rule is made of, the same for iptables and nftables: matches that must hold, then what is done.

A rule is a sequence of parts. The first match that does not hold ends the rule; every action before it has
happened, as in nftables. iptables has at most one action, at the end.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from kinspect.model.meta import Fact

Network = IPv4Network | IPv6Network
Field = Literal["src", "dst", "protocol", "sport", "dport"]
Side = Literal["src", "dst"]

ALL_BITS = 0xFFFFFFFF
"""A packet's mark has 32 bits."""


class AddressIs(Fact, frozen=True):
    """The packet's source or destination lies in one of these networks."""

    side: Side
    networks: tuple[Network, ...]
    negated: bool = False


class AddressIsLocal(Fact, frozen=True):
    """The address belongs to the node itself (addrtype, fib)."""

    side: Side
    negated: bool = False


class ProtocolIs(Fact, frozen=True):
    names: tuple[str, ...]
    negated: bool = False


class PortIs(Fact, frozen=True):
    """Ranges with both ends included."""

    side: Side
    ranges: tuple[tuple[int, int], ...]
    negated: bool = False


class StateIs(Fact, frozen=True):
    """The connection's state in conntrack, in lower case: new, established, related, invalid, dnat …"""

    names: tuple[str, ...]
    negated: bool = False


class MarkIs(Fact, frozen=True):
    """`mark & mask == value`."""

    value: int
    mask: int
    negated: bool = False


class DeviceIs(Fact, frozen=True):
    """The interface that the packet came in by (side src) or leaves by (dst); a "+" at the end = prefix."""

    side: Side
    name: str
    negated: bool = False


class Member(Fact, frozen=True):
    """These fields of the packet together are an element of a named set."""

    fields: tuple[Field, ...]
    container: str
    negated: bool = False


class Chance(Fact, frozen=True):
    """Holds for this share of connections, at random."""

    probability: float


class Remembered(Fact, frozen=True):
    """The client was sent here before, less than so long ago (session affinity)."""

    name: str
    timeout_s: int


class Opaque(Fact, frozen=True):
    """A match that we do not know: nobody can say whether it holds."""

    text: str


Match = (
    AddressIs
    | AddressIsLocal
    | ProtocolIs
    | PortIs
    | StateIs
    | MarkIs
    | DeviceIs
    | Member
    | Chance
    | Remembered
    | Opaque
)


class Jump(Fact, frozen=True):
    """Goes on in another chain; `returns` False (goto) means that its end is the end of this one as well."""

    chain: str
    returns: bool = True


class Verdict(Fact, frozen=True):
    """`detail` is what a rejection answers with."""

    name: Literal["accept", "drop", "reject", "return", "continue"]
    detail: str = ""


class Target(Fact, frozen=True):
    """A new destination, for this share of connections. `port` None = the port stays."""

    address: str
    port: int | None
    share: float = 1.0


class Translate(Fact, frozen=True):
    """DNAT to one of these."""

    targets: tuple[Target, ...]


class Masquerade(Fact, frozen=True):
    """The source becomes the address of the outgoing interface, or `address` (SNAT)."""

    address: str = ""


class SetMark(Fact, frozen=True):
    """`mark = mark & keep ^ flip`."""

    keep: int
    flip: int


class Remember(Fact, frozen=True):
    """Notes the client in this list or set."""

    name: str


class Unknown(Fact, frozen=True):
    """An action that we do not know."""

    text: str


class Pick(Fact, frozen=True):
    """One of these at random, each with its share of connections."""

    options: tuple[tuple[float, Jump | Verdict], ...]


class Lookup(Fact, frozen=True):
    """Does what a named map says for these fields of the packet; nothing if they are not in it."""

    fields: tuple[Field, ...]
    container: str


Action = Jump | Verdict | Translate | Masquerade | SetMark | Remember | Unknown | Pick | Lookup
Part = Match | Action
MATCHES = (
    AddressIs,
    AddressIsLocal,
    ProtocolIs,
    PortIs,
    StateIs,
    MarkIs,
    DeviceIs,
    Member,
    Chance,
    Remembered,
    Opaque,
)
