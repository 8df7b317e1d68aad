"""What an nftables rule asks of a packet: `match` expressions, the keys of sets, the elements in them.

Source: libnftables-json(5) and dumps of nft 1.0.6. Functions raise ValueError, KeyError or TypeError for
shapes that they do not know; the caller makes them Opaque.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network, summarize_address_range
from typing import Any

from kinspect.ruleset.terms import (
    ALL_BITS,
    AddressIs,
    AddressIsLocal,
    DeviceIs,
    Field,
    MarkIs,
    Match,
    Member,
    Network,
    PortIs,
    ProtocolIs,
    Side,
    StateIs,
)

MARK = {"meta": {"key": "mark"}}

Element = tuple[tuple[str, ...], str, bool]
"""(a text for each field, the comment, whether one of them is a network or a range)."""

_PAYLOAD: dict[tuple[str, str], Field] = {
    **{(family, "saddr"): "src" for family in ("ip", "ip6")},
    **{(family, "daddr"): "dst" for family in ("ip", "ip6")},
    **{(protocol, "sport"): "sport" for protocol in ("th", "tcp", "udp", "sctp")},
    **{(protocol, "dport"): "dport" for protocol in ("th", "tcp", "udp", "sctp")},
    ("ip", "protocol"): "protocol",
    ("ip6", "nexthdr"): "protocol",
}
_DEVICES: dict[str, Side] = {"iifname": "src", "iif": "src", "oifname": "dst", "oif": "dst"}


def fields_of(key: Any) -> tuple[Field, ...]:
    """The fields of the packet that a key is made of."""
    if "concat" in key:
        return tuple(field for part in key["concat"] for field in fields_of(part))
    if "payload" in key:
        return (_PAYLOAD[key["payload"]["protocol"], key["payload"]["field"]],)
    if key["meta"]["key"] == "l4proto":
        return ("protocol",)
    raise ValueError(f"key {key!r:.60}")


def element(raw: Any) -> Element:
    """An element of a set, or the key of one of a map."""
    if isinstance(raw, Mapping):
        if "elem" in raw:
            texts, _, is_range = element(raw["elem"]["val"])
            return texts, str(raw["elem"].get("comment", "")), is_range
        if "concat" in raw:
            parts = [element(part) for part in raw["concat"]]
            return tuple(part[0][0] for part in parts), "", any(part[2] for part in parts)
        if "prefix" in raw:
            return (f"{raw['prefix']['addr']}/{int(raw['prefix']['len'])}",), "", True
        first, last = raw["range"]
        return (f"{first}-{last}",), "", True
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        raise TypeError(f"element {raw!r:.60}")
    return (str(raw),), "", False


def matches_of(body: Mapping[str, Any]) -> list[Match]:
    """What a `match` expression asks; two matches where nft leaves the protocol to be understood."""
    op, left, right = body["op"], body["left"], body["right"]
    negated = op == "!="
    if op not in ("==", "!=", "in"):
        raise ValueError(f"operator {op!r:.20}")
    if left == MARK:
        return [MarkIs(int(right), ALL_BITS, negated)]
    if "&" in left and left["&"][0] == MARK:
        return [MarkIs(int(right), int(left["&"][1]), negated)]
    if "ct" in left and left["ct"]["key"] in ("state", "status"):
        return [StateIs(tuple(map(str, _listed(right))), negated)]
    if "fib" in left:
        return [_local(left["fib"], right, negated)]
    if "meta" in left and left["meta"]["key"] in _DEVICES:
        (name,) = _listed(right)
        return [DeviceIs(_DEVICES[left["meta"]["key"]], str(name).replace("*", "+"), negated)]
    return _of_fields(left, right, negated)


def _of_fields(left: Mapping[str, Any], right: Any, negated: bool) -> list[Match]:
    fields = fields_of(left)
    if isinstance(right, str) and right.startswith("@"):
        return [Member(fields, right[1:], negated)]
    if len(fields) != 1:
        raise ValueError("several fields compared with a value")
    (field,) = fields
    if field == "protocol":
        return [ProtocolIs(tuple(map(str, _listed(right))), negated)]
    if field in ("src", "dst"):
        networks = tuple(network for each in _listed(right) for network in _networks(each))
        return [AddressIs("src" if field == "src" else "dst", networks, negated)]
    ports = PortIs("src" if field == "sport" else "dst", tuple(map(_ports, _listed(right))), negated)
    protocol = left["payload"]["protocol"]
    return [ports] if protocol == "th" else [ProtocolIs((protocol,)), ports]


def _local(fib: Mapping[str, Any], right: Any, negated: bool) -> Match:
    sides: dict[str, Side] = {"saddr": "src", "daddr": "dst"}
    (flag,) = fib["flags"]
    if fib["result"] != "type" or right != "local":
        raise ValueError("fib")
    return AddressIsLocal(sides[flag], negated)


def _listed(right: Any) -> list[Any]:
    """The values on the right: one, a list, or an anonymous set."""
    if isinstance(right, Mapping) and "set" in right:
        return list(right["set"])
    return right if isinstance(right, list) else [right]


def _networks(raw: Any) -> list[Network]:
    if isinstance(raw, Mapping) and "range" in raw:
        first, last = (ip_address(each) for each in raw["range"])
        if first.version == 4 and last.version == 4:
            return list(summarize_address_range(first, last))
        raise ValueError("range")
    (text,), _, _ = element(raw)
    return [ip_network(text, strict=False)]


def _ports(raw: Any) -> tuple[int, int]:
    if isinstance(raw, Mapping):
        first, last = raw["range"]
        return int(first), int(last)
    return int(raw), int(raw)
