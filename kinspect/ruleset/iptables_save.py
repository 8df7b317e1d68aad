"""Reads the text of `iptables-save`, of either backend, into a Ruleset.

Lines are `*table`, `:CHAIN POLICY [packets:bytes]`, `[packets:bytes] -A CHAIN …`, `COMMIT` and comments.
Any other line is noted and skipped. What follows the chain is words, quoted like a shell's: see
iptables_terms.py. Only IPv4 dumps have Services here; an ip6tables dump is read the same way.
"""

from __future__ import annotations

import re
from collections import Counter

from kinspect.ruleset.iptables_terms import parse
from kinspect.ruleset.model import Chain, ChainId, Hook, HookName, Mode, Note, Rule, Ruleset

_CHAIN = re.compile(r":(\S+) (\S+)")
_RULE = re.compile(r"(?:\[\d+:\d+\] )?-A (\S+) ?(.*)")
_PRIORITIES = {"raw": -300, "mangle": -150, "filter": 0, "security": 50}
_NAT_PRIORITIES: dict[str, int] = {"prerouting": -100, "output": -100, "input": 100, "postrouting": 100}
_BUILTIN: dict[str, HookName] = {
    "PREROUTING": "prerouting",
    "INPUT": "input",
    "FORWARD": "forward",
    "OUTPUT": "output",
    "POSTROUTING": "postrouting",
}
_MOST_NOTES = 50


def read(text: str) -> Ruleset:
    """The rules of one dump. Never raises; an empty dump is an empty Ruleset with a note."""
    reader = _Reader()
    for number, line in enumerate(text.split("\n"), 1):
        reader.line(number, line.strip())
    return reader.ruleset()


class _Reader:
    def __init__(self) -> None:
        self.table = ""
        self.hooks: dict[ChainId, Hook | None] = {}
        self.rules: dict[ChainId, list[Rule]] = {}
        self.notes: list[Note] = []
        self.unknown: Counter[str] = Counter()

    def line(self, number: int, line: str) -> None:
        if not line or line.startswith("#") or line == "COMMIT":
            return
        if line.startswith("*"):
            self.table = line[1:]
        elif self.table and (chain := _CHAIN.match(line)):
            self._declare(ChainId(self.table, chain[1]), chain[2])
        elif self.table and (rule := _RULE.match(line)):
            self._rule(ChainId(self.table, rule[1]), rule[2])
        elif len(self.notes) < _MOST_NOTES:
            self.notes.append(Note(f"line {number}", f"not a line of iptables-save: {line[:80]}"))

    def _declare(self, chain: ChainId, policy: str) -> None:
        name = _BUILTIN.get(chain.name)
        self.rules.setdefault(chain, [])
        if name is None or policy == "-":
            self.hooks.setdefault(chain, None)
            return
        nat = chain.table == "nat"
        priority = _NAT_PRIORITIES[name] if nat else _PRIORITIES.get(chain.table, 0)
        kind = "nat" if nat else "filter"
        self.hooks[chain] = Hook(name, priority, kind, "drop" if policy == "DROP" else "accept")

    def _rule(self, chain: ChainId, text: str) -> None:
        parts, comment, unknown = parse(text)
        self.unknown.update(unknown)
        self.hooks.setdefault(chain, None)
        self.rules.setdefault(chain, []).append(Rule(parts, text, comment))

    def ruleset(self) -> Ruleset:
        notes = list(self.notes)
        for what, count in self.unknown.most_common(_MOST_NOTES):
            notes.append(Note("iptables", f"{what} is not understood ({count} rules)"))
        if not self.rules:
            notes.append(Note("iptables", "no table in this dump"))
        chains = {id_: Chain(id_, tuple(self.rules[id_]), self.hooks[id_]) for id_ in self.rules}
        return Ruleset(_mode(chains), chains, {}, tuple(notes))


def _mode(chains: dict[ChainId, Chain]) -> Mode:
    """By chains that only a proxy makes; those of the kubelet stand on every node and prove nothing."""
    if any(ChainId("nat", name) in chains for name in ("KUBE-LOAD-BALANCER", "KUBE-NODE-PORT")):
        return "ipvs"
    return "iptables" if ChainId("nat", "KUBE-SERVICES") in chains else "none"
