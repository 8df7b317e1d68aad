"""One iptables rule into parts: its matches in order, then its target.

Unknown options become an Opaque match and unknown targets an Unknown action, with the text of both kept.
Source: iptables(8), iptables-extensions(8).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_network
from typing import NamedTuple

from kinspect.ruleset.iptables_options import Option, bits
from kinspect.ruleset.iptables_options import options as read_options
from kinspect.ruleset.iptables_targets import action as action_of
from kinspect.ruleset.terms import (
    AddressIs,
    AddressIsLocal,
    Chance,
    DeviceIs,
    MarkIs,
    Match,
    Network,
    Opaque,
    Part,
    PortIs,
    ProtocolIs,
    Remember,
    Remembered,
    Side,
    StateIs,
    Unknown,
)

_RECENT = ("--name", "--mask", "--seconds", "--rsource", "--reap", "--rcheck", "--update", "--set")
_SILENT = {"-m", "--match", "--comment", "-c", "--mode", "--nfacct-name", "--random-fully", *_RECENT}
"""Options that say nothing about the packet by themselves: they bring a module along, or go with another."""


class Parsed(NamedTuple):
    """`unknown` names what was not understood, for a note."""

    parts: tuple[Part, ...]
    comment: str
    unknown: tuple[str, ...]


def parse(text: str) -> Parsed:
    """What a rule says, from all that follows its chain's name."""
    options = read_options(text)
    by_name = {each.name: each for each in options}
    parts: list[Part] = []
    unknown: list[str] = []
    for option in options:
        if option.name in ("-j", "--jump", "-g", "--goto"):
            action = action_of(option, by_name)
            parts.append(action)
            if isinstance(action, Unknown):
                unknown.append(f"target {option.value}")
            break  # what follows a target are its own options
        if option.name in _SILENT:
            continue
        match = _match(option)
        if isinstance(match, Opaque):
            unknown.append(f"match {option.name}")
        if match is not None:
            parts.append(match)
    _add_recent(parts, by_name)
    comment = " ".join(by_name["--comment"].values) if "--comment" in by_name else ""
    return Parsed(tuple(parts), comment, tuple(unknown))


def _match(option: Option) -> Match | None:
    """The match that an option stands for; None = it always holds."""
    make = _MATCHES.get(option.name)
    try:
        return make(option) if make else _opaque(option)
    except ValueError:
        return _opaque(option)


def _opaque(option: Option) -> Opaque:
    return Opaque(" ".join(("!",) * option.negated + (option.name, *option.values)))


def _address(side: Side) -> Callable[[Option], Match]:
    def make(option: Option) -> Match:
        networks = tuple(_network(each) for each in option.value.split(","))
        return AddressIs(side, networks, option.negated)

    return make


@lru_cache(maxsize=10_000)  # the same few addresses stand in a great many rules
def _network(text: str) -> Network:
    return ip_network(text, strict=False)


def _port(side: Side) -> Callable[[Option], Match]:
    def make(option: Option) -> Match:
        ranges = []
        for each in option.value.split(","):
            first, colon, last = each.partition(":")
            ranges.append((int(first or 0), int(last or 0xFFFF) if colon else int(first)))
        return PortIs(side, tuple(ranges), option.negated)

    return make


def _local(side: Side) -> Callable[[Option], Match]:
    def make(option: Option) -> Match:
        return AddressIsLocal(side, option.negated) if option.value == "LOCAL" else _opaque(option)

    return make


def _protocol(option: Option) -> Match | None:
    names = tuple(option.value.lower().split(","))
    return None if names in (("all",), ("0",)) else ProtocolIs(names, option.negated)


def _state(option: Option) -> Match:
    return StateIs(tuple(option.value.lower().split(",")), option.negated)


def _mark(option: Option) -> Match:
    value, mask = bits(option.value)
    return MarkIs(value, mask, option.negated)


def _chance(option: Option) -> Match:
    probability = float(option.value)
    if not 0 <= probability <= 1:
        raise ValueError(option.value)
    return Chance(1 - probability if option.negated else probability)


_MATCHES: dict[str, Callable[[Option], Match | None]] = {
    **dict.fromkeys(("-s", "--src", "--source"), _address("src")),
    **dict.fromkeys(("-d", "--dst", "--destination"), _address("dst")),
    **dict.fromkeys(("-p", "--protocol"), _protocol),
    **dict.fromkeys(("--sport", "--sports", "--source-port", "--source-ports"), _port("src")),
    **dict.fromkeys(("--dport", "--dports", "--destination-port", "--destination-ports"), _port("dst")),
    **dict.fromkeys(("--ctstate", "--state"), _state),
    "--mark": _mark,
    "--src-type": _local("src"),
    "--dst-type": _local("dst"),
    "--probability": _chance,
    **dict.fromkeys(("-i", "--in-interface"), lambda option: DeviceIs("src", option.value, option.negated)),
    **dict.fromkeys(("-o", "--out-interface"), lambda option: DeviceIs("dst", option.value, option.negated)),
}


def _add_recent(parts: list[Part], options: dict[str, Option]) -> None:
    """The `recent` module speaks in several options: a list's name, and what to do with the client in it."""
    name = options["--name"].value if "--name" in options else "DEFAULT"
    if "--rcheck" in options or "--update" in options:
        seconds = options["--seconds"].value if "--seconds" in options else ""
        parts.insert(0, Remembered(name, int(seconds) if seconds.isdecimal() else 0))
    elif "--set" in options:
        parts.insert(max(0, len(parts) - 1), Remember(name))
