"""What an iptables rule does: its target with the options of that.

Source: iptables-extensions(8). A target that is not known here by name is a jump to the chain of that name.
"""

from __future__ import annotations

from collections.abc import Callable

from kinspect.ruleset.iptables_options import Option, bits
from kinspect.ruleset.terms import (
    ALL_BITS,
    Action,
    Jump,
    Masquerade,
    SetMark,
    Target,
    Translate,
    Unknown,
    Verdict,
)

_PASSING = frozenset(
    (
        "LOG",
        "NFLOG",
        "ULOG",
        "TRACE",
        "CONNMARK",
        "CHECKSUM",
        "TCPMSS",
        "TCPOPTSTRIP",
        "CLASSIFY",
        "DSCP",
        "TTL",
    )
)
"""Targets after which the next rule follows, and which change nothing that decides where a packet goes."""

_NOT_FOLLOWED = frozenset(
    (
        "REDIRECT",
        "NETMAP",
        "TPROXY",
        "SYNPROXY",
        "NFQUEUE",
        "QUEUE",
        "CT",
        "NOTRACK",
        "SECMARK",
        "CONNSECMARK",
    )
)
"""Targets that send a packet elsewhere, or past conntrack, in ways that are not followed here."""


_PLAIN: dict[str, Action] = {
    "ACCEPT": Verdict("accept"),
    "DROP": Verdict("drop"),
    "RETURN": Verdict("return"),
    "MASQUERADE": Masquerade(),
}
_WITH_DETAIL = ("REJECT", "DNAT", "SNAT", "MARK")


def action(option: Option, options: dict[str, Option]) -> Action:
    name = option.value
    if name in _PLAIN:
        return _PLAIN[name]
    detail = {key: each.value for key, each in options.items()} if name in _WITH_DETAIL else {}
    try:
        if name == "REJECT":
            return Verdict("reject", detail.get("--reject-with", ""))
        if name == "DNAT":
            return Translate((_target(detail["--to-destination"]),))
        if name == "SNAT":
            return Masquerade(detail["--to-source"])
        if name == "MARK":
            return _set_mark(detail)
    except (ValueError, KeyError):
        return Unknown(name)
    if name in _PASSING:
        return Verdict("continue", name)
    if name in _NOT_FOLLOWED or not name:
        return Unknown(name)
    return Jump(name, returns=option.name in ("-j", "--jump"))


def _target(text: str) -> Target:
    address, colon, port = text.partition(":") if text.count(":") < 2 else _bracketed(text)
    return Target(address, int(port) if colon else None)


def _bracketed(text: str) -> tuple[str, str, str]:
    """`[2001:db8::1]:80`, or an IPv6 address alone."""
    inside, bracket, port = text.removeprefix("[").partition("]")
    return (inside, ":" if port else "", port.removeprefix(":")) if bracket else (text, "", "")


def _set_mark(detail: dict[str, str]) -> Action:
    """All ways to write a mark, as what is kept of the old one and what is flipped in it."""
    for name, effect in _MARKS.items():
        if name in detail:
            value, mask = bits(detail[name])
            keep, flip = effect(value, mask)
            return SetMark(keep & ALL_BITS, flip)
    raise ValueError(detail)


_MARKS: dict[str, Callable[[int, int], tuple[int, int]]] = {
    "--set-xmark": lambda value, mask: (~mask, value),
    "--set-mark": lambda value, mask: (~(value | mask), value),
    "--or-mark": lambda value, mask: (~value, value),
    "--and-mark": lambda value, mask: (value, 0),
    "--xor-mark": lambda value, mask: (ALL_BITS, value),
}
