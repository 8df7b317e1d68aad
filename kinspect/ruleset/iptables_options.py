"""The words of an iptables rule, and the options that they make: keys with values, perhaps negated.

Source: iptables(8), and how iptables-save quotes and prints (a "!" before the option; before its value in
older versions; a doubled space after --nfacct-name).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from kinspect.ruleset.terms import ALL_BITS

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"?|(\S+)', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Option(NamedTuple):
    name: str
    values: tuple[str, ...]
    negated: bool

    @property
    def value(self) -> str:
        return self.values[0] if self.values else ""


def options(text: str) -> list[Option]:
    """The options of a rule, from all that follows its chain's name; an unclosed quote reaches to the end."""
    found: list[Option] = []
    name, negated, following = "", False, False
    values: list[str] = []
    for quoted, bare in _WORD.findall(text):
        if bare == "!":
            following = True
        elif bare.startswith("-"):  # a quoted word is a value, whatever it begins with
            if name:
                found.append(Option(name, tuple(values), negated))
            name, values, negated, following = bare, [], following, False
        else:
            values.append(bare or _ESCAPE.sub(r"\1", quoted))
            # Older versions print "--mark ! 0x1": the negation of the option that is being read.
            negated, following = negated or following, False
    if name:
        found.append(Option(name, tuple(values), negated))
    return found


def bits(text: str) -> tuple[int, int]:
    """The value and the mask of `0x4000/0x4000`; without a mask all bits count."""
    value, slash, mask = text.partition("/")
    return int(value, 0) & ALL_BITS, (int(mask, 0) & ALL_BITS if slash else ALL_BITS)
