"""Whether a match holds for a packet: yes, no, or None for "nobody can say from here"."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from kinspect.model.meta import Fact
from kinspect.ruleset.model import ChainId, Container, Ruleset
from kinspect.ruleset.terms import (
    AddressIs,
    AddressIsLocal,
    DeviceIs,
    Field,
    MarkIs,
    Match,
    Member,
    PortIs,
    ProtocolIs,
    StateIs,
)

_NUMBERS = {"icmp": "1", "tcp": "6", "udp": "17", "sctp": "132", "ipv6-icmp": "58"}


class Headers(Fact, frozen=True):
    """What rules look at of a packet. `protocol` is "tcp", "udp", …; a device "" = not known.

    `states` are those of its connection as conntrack has them; "dnat" is added when a rule translates it.
    """

    protocol: str
    src: str
    sport: int
    dst: str
    dport: int
    mark: int = 0
    states: frozenset[str] = frozenset(("new",))
    in_device: str = ""
    out_device: str = ""


class Node(Fact, frozen=True):
    """What is known of the node: its own addresses; None = not known, so that "local" cannot be told."""

    addresses: frozenset[str] | None = None

    def owns(self, address: str) -> bool | None:
        parsed = _parsed(address)
        if parsed is not None and parsed.is_loopback:
            return True
        return None if self.addresses is None else address in self.addresses


def holds(match: Match, headers: Headers, node: Node, ruleset: Ruleset, table: str) -> bool | None:
    """Whether the match holds. Chances and memories are not for this function: they part the ways."""
    match match:
        case AddressIs(side, networks, negated):
            address = _parsed(headers.src if side == "src" else headers.dst)
            return None if address is None else any(address in each for each in networks) != negated
        case AddressIsLocal(side, negated):
            return _unless(negated, node.owns(headers.src if side == "src" else headers.dst))
        case ProtocolIs(names, negated):
            return _is_one_of(headers.protocol, names) != negated
        case PortIs(side, ranges, negated):
            port = headers.sport if side == "src" else headers.dport
            return any(first <= port <= last for first, last in ranges) != negated
        case StateIs(names, negated):
            return bool(headers.states.intersection(names)) != negated
        case MarkIs(value, mask, negated):
            return (headers.mark & mask == value) != negated
        case DeviceIs(side, name, negated):
            return _unless(negated, _device(headers.in_device if side == "src" else headers.out_device, name))
        case Member(fields, container, negated):
            return _unless(
                negated, contains(ruleset.containers.get(ChainId(table, container)), fields, headers)
            )
    return None


def key_of(fields: Iterable[Field], headers: Headers) -> tuple[str, ...]:
    """The packet's element for a set or a map of these fields."""
    return tuple(str(getattr(headers, field)) for field in fields)


def found(container: Container, fields: tuple[Field, ...], headers: Headers) -> tuple[str, ...] | None:
    """The element that the packet is, or None. Only sets of networks and ranges are searched one by one."""
    key = key_of(fields, headers)
    if key in container.elements or not container.ranges:
        return key if key in container.elements else None
    return next((element for element in container.elements if _covers(element, key)), None)


def contains(container: Container | None, fields: tuple[Field, ...], headers: Headers) -> bool | None:
    """Whether the packet is in the set; None = there is no such set in the dump."""
    return None if container is None else found(container, fields, headers) is not None


def _covers(element: tuple[str, ...], key: tuple[str, ...]) -> bool:
    return len(element) == len(key) and all(map(_covers_one, element, key))


def _covers_one(text: str, value: str) -> bool:
    """Whether an element's text, perhaps "10.0.0.0/8" or "1-2", covers this value of the packet."""
    if text == value:
        return True
    first, dash, last = text.partition("-")
    try:
        if dash and first.isdecimal() and value.isdecimal():
            return int(first) <= int(value) <= int(last)
        address = ip_address(value)
        if dash:
            low, high = ip_address(first), ip_address(last)
            return low.version == address.version == high.version and int(low) <= int(address) <= int(high)
        return "/" in text and address in ip_network(text, strict=False)
    except ValueError:
        return False


def _is_one_of(protocol: str, names: tuple[str, ...]) -> bool:
    return protocol in names or _NUMBERS.get(protocol) in names


def _device(known: str, name: str) -> bool | None:
    if not known:
        return None
    return known.startswith(name[:-1]) if name.endswith("+") else known == name


def _unless(negated: bool, holds: bool | None) -> bool | None:
    return None if holds is None else holds != negated


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None
