"""One nftables rule into parts: its expressions in order. Source: libnftables-json(5), dumps of nft 1.0.6.

An expression has a single key: `match`, `vmap`, `dnat`, `mangle`, `set`, a verdict, or something without
influence on the way of a packet (a counter, a log line). What is not known becomes an Opaque match or an
Unknown action; `xt` is what nft shows of a rule that belongs to iptables.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kinspect.ruleset.model import ChainId, Container
from kinspect.ruleset.nft_matches import MARK, element, fields_of, matches_of
from kinspect.ruleset.terms import (
    ALL_BITS,
    Jump,
    Lookup,
    Masquerade,
    Opaque,
    Part,
    Pick,
    Remember,
    SetMark,
    Target,
    Translate,
    Unknown,
    Verdict,
)

_WITHOUT_INFLUENCE = ("counter", "log", "quota", "ct helper", "ct timeout")
_SHAPES = (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError)


class Terms:
    """Gathers the parts of one rule, and the anonymous maps in it under names of their own."""

    def __init__(self, chain: ChainId, rule: int) -> None:
        self.parts: list[Part] = []
        self.containers: dict[ChainId, Container] = {}
        self.unknown: list[str] = []
        self.stub = False
        self._chain = chain
        self._rule = rule

    def add(self, expression: Mapping[str, Any]) -> None:
        ((kind, body),) = expression.items()
        if kind in _WITHOUT_INFLUENCE:
            return
        try:
            self.parts += self._parts(kind, body)
        except _SHAPES:
            self.unknown.append(kind)
            text = f"{kind} {body!r:.120}"
            self.parts.append(Opaque(text) if kind in ("match", "limit") else Unknown(text))

    def _parts(self, kind: str, body: Any) -> list[Part]:
        if kind == "match":
            return [*matches_of(body)]
        if kind == "vmap":
            return [self._vmap(body)]
        if kind == "dnat":
            return [Translate(_targets(body))]
        if kind == "masquerade":
            return [Masquerade()]
        if kind == "snat":
            return [Masquerade(_address(body["addr"]))]
        if kind == "mangle":
            return [_set_mark(body)]
        if kind == "set":
            return [Remember(body["set"].removeprefix("@"))]
        if kind == "xt":
            self.stub = True
            return [Opaque("xt (a rule of iptables)")]
        return [verdict({kind: body})]

    def _vmap(self, body: Mapping[str, Any]) -> Part:
        key, data = body["key"], body["data"]
        if "numgen" in key:
            return Pick(tuple((share, verdict(raw)) for share, raw in _shares(key["numgen"], data)))
        if isinstance(data, str):
            return Lookup(fields_of(key), data.removeprefix("@"))
        name = ChainId(self._chain.table, f"map in rule {self._rule} of {self._chain.name}")
        found = [(element(raw), verdict(value)) for raw, value in data["set"]]
        elements: dict[tuple[str, ...], Verdict | Jump | None] = {each[0]: value for each, value in found}
        self.containers[name] = Container(name, elements, ranges=any(each[2] for each, _ in found))
        return Lookup(fields_of(key), name.name)


def verdict(raw: Mapping[str, Any]) -> Jump | Verdict:
    """A verdict, or the jump in its place. Raises for anything else."""
    ((kind, body),) = raw.items()
    match kind:
        case "jump" | "goto":
            return Jump(_address(body["target"]), returns=kind == "jump")
        case "accept" | "drop" | "return" | "continue":
            return Verdict(kind)
        case "reject":
            detail = body or {}
            return Verdict("reject", f"{detail.get('type', '')} {detail.get('expr', '')}".strip())
    raise ValueError(f"verdict {kind!r:.40}")


def _targets(body: Mapping[str, Any]) -> tuple[Target, ...]:
    address, port = body["addr"], body.get("port")
    if isinstance(address, str):
        return (Target(address, int(port) if port is not None else None),)
    key, data = address["map"]["key"], address["map"]["data"]
    found = []
    for share, raw in _shares(key["numgen"], data):
        ip, number = raw["concat"] if isinstance(raw, Mapping) else (raw, port)
        found.append(Target(_address(ip), int(number) if number is not None else None, share))
    return tuple(found)


def _shares(numgen: Mapping[str, Any], data: Any) -> list[tuple[float, Any]]:
    """The values of an anonymous map under the share of random numbers that lead to each."""
    modulus = int(numgen["mod"])
    found = []
    for key, value in data["set"]:
        first, last = key["range"] if isinstance(key, Mapping) else (key, key)
        found.append(((int(last) - int(first) + 1) / modulus, value))
    if any(share <= 0 for share, _ in found) or sum(share for share, _ in found) > 1 + 1e-9:
        raise ValueError("shares")
    return found


def _set_mark(body: Mapping[str, Any]) -> SetMark:
    if body["key"] != MARK:
        raise ValueError("mangle")
    value = body["value"]
    if isinstance(value, int):
        return SetMark(0, value)
    ((operator, (left, bits)),) = value.items()
    if left != MARK:
        raise ValueError("mangle")
    keep, flip = {"|": (~bits, bits), "^": (ALL_BITS, bits), "&": (bits, 0)}[operator]
    return SetMark(keep & ALL_BITS, flip)


def _address(raw: Any) -> str:
    if not isinstance(raw, str):
        raise TypeError(f"not text: {raw!r:.40}")
    return raw
