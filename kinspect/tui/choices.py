"""What the lists offer that one picks from. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kinspect.model.snapshot import Snapshot
from kinspect.tui.branches import ORDERS, Order

ALL_NAMESPACES = ""


class Choice(NamedTuple):
    """`value` is what picking it gives; `note` stands beside it, dim."""

    value: str
    title: str
    note: str = ""


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
