"""Reads the output of `nft -j list ruleset` (or `list table …`) into a Ruleset. Source: libnftables-json(5).

The tables of iptables-nft appear here as well, but nft shows most of their matches and targets only as `xt`
stubs: such a table is noted as unreadable, and its truth is in iptables-save.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from kinspect.ruleset.model import HOOKS, Chain, ChainId, Container, Hook, Mode, Note, Rule, Ruleset
from kinspect.ruleset.names import NFTABLES_TABLE
from kinspect.ruleset.nft_matches import element
from kinspect.ruleset.nft_terms import Terms, verdict
from kinspect.ruleset.terms import Jump, Verdict
from kinspect.ruleset.told import told

_NOT_THE_SHAPE = (
    KeyError,
    TypeError,
    ValueError,
    IndexError,
    AttributeError,
    RecursionError,
    ArithmeticError,
)
_MOST_NOTES = 50


def read(text: str | bytes) -> Ruleset:
    """The tables of one dump. Never raises: what has not nft's shape is noted and skipped."""
    try:
        items = msgspec.json.decode(text)["nftables"]
        reader = _Reader()
        for number, item in enumerate(items):
            reader.item(number, item)
    except (msgspec.DecodeError, UnicodeError, *_NOT_THE_SHAPE) as problem:
        return Ruleset(notes=(Note("nft", f"not the JSON of nft: {str(problem)[:200]}"),))
    return reader.ruleset()


class _Reader:
    def __init__(self) -> None:
        self.hooks: dict[ChainId, Hook | None] = {}
        self.rules: dict[ChainId, list[Rule]] = {}
        self.containers: dict[ChainId, Container] = {}
        self.notes: list[Note] = []
        self.unknown: Counter[str] = Counter()
        self.stubs: Counter[str] = Counter()

    def item(self, number: int, item: Any) -> None:
        try:
            ((kind, body),) = item.items()
            if kind == "chain":
                self._chain(body)
            elif kind == "rule":
                self._rule(body)
            elif kind in ("set", "map"):
                self._container(body)
            elif kind == "flowtable":
                self.unknown["flowtable"] += 1
        except _NOT_THE_SHAPE as problem:
            if len(self.notes) < _MOST_NOTES:
                self.notes.append(Note(f"object {number}", f"not understood: {str(problem)[:120]}"))

    def _chain(self, body: Mapping[str, Any]) -> None:
        id_ = ChainId(_table(body), _text(body["name"]))
        hook = body.get("hook")
        self.rules.setdefault(id_, [])
        self.hooks[id_] = None
        if hook in HOOKS:
            drops = body.get("policy") == "drop"
            self.hooks[id_] = Hook(
                hook, int(body["prio"]), _text(body["type"]), "drop" if drops else "accept"
            )
        elif hook is not None:
            self.unknown[f"hook {hook}"] += 1

    def _rule(self, body: Mapping[str, Any]) -> None:
        id_ = ChainId(_table(body), _text(body["chain"]))
        terms = Terms(id_, len(self.rules.get(id_, ())))
        for expression in body["expr"]:
            terms.add(expression)
        self.unknown.update(terms.unknown)
        self.containers.update(terms.containers)
        if terms.stub:
            self.stubs[id_.table] += 1
        comment = body.get("comment")
        self.hooks.setdefault(id_, None)
        parts = tuple(terms.parts)
        rule = Rule(parts, told(parts), comment if isinstance(comment, str) else "")
        self.rules.setdefault(id_, []).append(rule)

    def _container(self, body: Mapping[str, Any]) -> None:
        id_ = ChainId(_table(body), _text(body["name"]))
        elements: dict[tuple[str, ...], Verdict | Jump | None] = {}
        comments: dict[tuple[str, ...], str] = {}
        ranges = False
        for raw in body.get("elem") or ():
            key, value = raw if isinstance(raw, list) else (raw, None)
            texts, comment, is_range = element(key)
            ranges = ranges or is_range
            elements[texts] = verdict(value) if value is not None else None
            if comment:
                comments[texts] = comment
        timeout = body.get("timeout")
        timeout_s = timeout if isinstance(timeout, int) else None
        self.containers[id_] = Container(id_, elements, comments, timeout_s, ranges)

    def ruleset(self) -> Ruleset:
        notes = list(self.notes)
        for table, count in self.stubs.items():
            of = sum(len(rules) for id_, rules in self.rules.items() if id_.table == table)
            text = (
                f"{count} of {of} rules belong to iptables and cannot be read here: iptables-save tells them"
            )
            notes.append(Note(f"table {table}", text))
        for what, count in self.unknown.most_common(_MOST_NOTES):
            notes.append(Note("nft", f"{what} is not understood ({count} times)"))
        chains = {id_: Chain(id_, tuple(self.rules[id_]), self.hooks[id_]) for id_ in self.rules}
        mode: Mode = "nftables" if any(id_.table == NFTABLES_TABLE for id_ in chains) else "none"
        return Ruleset(mode, chains, self.containers, tuple(notes))


def _table(body: Mapping[str, Any]) -> str:
    return f"{_text(body['family'])} {_text(body.get('table', body.get('name')))}"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a name is not text: {value!r:.40}")
    return value
