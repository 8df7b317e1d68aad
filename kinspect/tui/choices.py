"""What the lists offer that one picks from. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kinspect.model.snapshot import Snapshot
from kinspect.outline.filter import fuzzy
from kinspect.tui.branches import ORDERS, Order

ALL_NAMESPACES = ""


class Choice(NamedTuple):
    """`value` is what picking it gives; `note` stands beside it, dim."""

    value: str
    title: str
    note: str = ""


def matching(choices: Iterable[Choice], typed: str) -> list[Choice]:
    """The choices with these letters in this order; first those that have them in one piece."""
    wanted = typed.replace(" ", "").lower()
    found = [each for each in choices if fuzzy(wanted, f"{each.title}{each.note}")]
    return sorted(found, key=lambda each: wanted not in each.title.lower())


def vantages(words: Iterable[str], target: str) -> list[Choice]:
    """Where a trace may start; for a cluster IP first where it means something."""
    inside = target.startswith("svc/")
    ordered = sorted(words, key=lambda each: inside and not each.startswith(("node/", "pod/")))
    return [Choice(each, each) for each in ordered]


def orders(now: Order) -> list[Choice]:
    return named(ORDERS, now)


def named(names: Iterable[str], now: str | None) -> list[Choice]:
    """Names that stand for themselves, the present one noted."""
    return [Choice(name, name, "now" if name == now else "") for name in names]


def namespaces(snapshot: Snapshot) -> list[Choice]:
    """All of them first, then each with its number of Services."""
    index = snapshot.index
    names = {key.name for key in snapshot.namespaces} | set(index.services_by_namespace)
    choices = [Choice(ALL_NAMESPACES, "all namespaces")]
    for name in sorted(names):
        count = len(index.services_by_namespace.get(name, ()))
        choices.append(Choice(name, name, f"{count} Service{'' if count == 1 else 's'}"))
    return choices
