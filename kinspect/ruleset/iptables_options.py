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


class Word(NamedTuple):
    """`quoted` words are values, whatever they begin with."""

    text: str
    quoted: bool


class Option(NamedTuple):
    name: str
    values: tuple[str, ...]
    negated: bool

    @property
    def value(self) -> str:
        return self.values[0] if self.values else ""


def options(text: str) -> list[Option]:
    """The options of a rule, from all that follows its chain's name."""
    return _options(_words(text))


def _words(text: str) -> list[Word]:
    """The words of a rule, without quotes and escapes; an unclosed quote reaches to the end."""
    return [
        Word(_ESCAPE.sub(r"\1", quoted), True) if bare is None else Word(bare, False)
        for quoted, bare in ((found[1], found[2]) for found in _WORD.finditer(text))
    ]


def _options(words: list[Word]) -> list[Option]:
    found: list[Option] = []
    name, negated, following = "", False, False
    values: list[str] = []
    for word in words:
        if word.text == "!" and not word.quoted:
            following = True
        elif word.text.startswith("-") and not word.quoted:
            if name:
                found.append(Option(name, tuple(values), negated))
            name, values, negated, following = word.text, [], following, False
        else:
            values.append(word.text)
            # Older versions print "--mark ! 0x1": the negation of the option that is being read.
            negated, following = negated or following, False
    if name:
        found.append(Option(name, tuple(values), negated))
    return found


def bits(text: str) -> tuple[int, int]:
    """The value and the mask of `0x4000/0x4000`; without a mask all bits count."""
    value, slash, mask = text.partition("/")
    return int(value, 0) & ALL_BITS, (int(mask, 0) & ALL_BITS if slash else ALL_BITS)
