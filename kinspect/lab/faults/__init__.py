"""Things to break in a running lab, safely, and what each of them teaches.

A member room by subject: `rules` (the service proxy's rules), `wires` (links, routes, tunnels), `pods`. A
fault is a description and two coroutines; breaking twice, or healing what is whole, does no harm.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kinspect.errors import UsageError

if TYPE_CHECKING:
    from kinspect.lab.supervisor import Lab


@dataclass(frozen=True)
class Fault:
    """One thing to break. `breaks` returns in one line what it broke, and where."""

    name: str
    teaches: str
    breaks: Callable[[Lab], Awaitable[str]]
    heals: Callable[[Lab], Awaitable[None]]


def load() -> dict[str, Fault]:
    """All faults by name, in the order of the catalogue."""
    from kinspect.lab.faults import pods, rules, wires

    return {fault.name: fault for fault in (*rules.FAULTS, *wires.FAULTS, *pods.FAULTS)}


def named(name: str) -> Fault:
    """The fault of this name. Raises UsageError."""
    faults = load()
    if name not in faults:
        raise UsageError(f"there is no fault {name!r}", f"one of: {', '.join(faults)}")
    return faults[name]
