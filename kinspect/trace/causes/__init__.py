"""Why a packet parted from its prediction: one file per kind of cause, and the files are the list.

Its module has:

    CODES                a line about each code that it may give, and what to do
    find(case)           the causes that the evidence points to

A cause is only named for what was read at the place in question; no evidence, no cause.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, cast

from kinspect.model.observation import PlaceState
from kinspect.model.path import At, Cause, Hop
from kinspect.model.snapshot import Snapshot
from kinspect.ruleset.faults import Fault
from kinspect.trace.compare import Parting
from kinspect.trace.expected import Alternative
from kinspect.trace.run import Run
from kinspect.trace.sighting import Place
from kinspect.trace.target import Target
from kinspect.trace.visit import Visit


class Code(NamedTuple):
    """What a code says, and what to do about it."""

    title: str
    fix: str


class Case(NamedTuple):
    """One run, and what was read at the places in question. `faults`: of the rules where it met the proxy.

    `beyond`: what an L7 proxy may have called that took the request and passed it on to nobody.
    """

    target: Target
    run: Run
    states: Mapping[Place, PlaceState]
    owned: Mapping[Place, frozenset[str]]
    faults: Mapping[Place, tuple[Fault, ...]]
    snapshot: Snapshot = Snapshot()
    beyond: Sequence[Alternative] = ()

    @property
    def parting(self) -> Parting | None:
        return self.run.parting

    @property
    def state(self) -> PlaceState | None:
        """What was read where the packet parted."""
        return self.states.get(self.run.parting.place) if self.run.parting else None

    @property
    def last(self) -> Hop | None:
        """The last sighting before the parting, on the same way: a request's, if it is one that parted."""
        if self.run.parting is None:
            return None
        hops, at = self.run.hops, self.run.parting.hop
        seen = [hop for hop in hops[:at] if hop.matched_by]
        if at < len(hops) and hops[at].direction == "original":
            seen = [hop for hop in seen if hop.direction == "original"]
        return seen[-1] if seen else None

    @property
    def stuck(self) -> bool:
        """Whether the packet came in where it parted, and did not leave."""
        return self.parting is not None and self.last is not None and self.last.way == "in"

    def onward(self) -> tuple[Visit, ...]:
        """The visit where the packet parted and those that should have followed, in its direction."""
        if self.run.alternative is None or self.run.parting is None or self.last is None:
            return ()
        visits = [each for each in self.run.alternative.visits if each.direction == self.last.direction]
        places = [each.place for each in visits]
        here = self.run.parting.place
        return tuple(visits[places.index(here) :]) if here in places else ()

    def next_node(self) -> Place | None:
        """The node that should have got the packet next."""
        return next((each.place for each in self.onward()[1:] if each.place.kind == "node"), None)

    def destination(self) -> str:
        """The address that the packet should have left for; "" = not one alone, or not known."""
        here = self.onward()[:1]
        return here[0].ends(True).dst.told().address if here else ""

    def backend_place(self) -> Place | None:
        """The pod that should have got the packet in the end."""
        last = [each.place for each in self.onward() if each.place.kind == "pod"]
        return last[-1] if last else None


class Kind(Protocol):
    """What a module of this room has."""

    CODES: dict[str, Code]

    def find(self, case: Case) -> Iterator[Cause]: ...


def load() -> tuple[Kind, ...]:
    """Every kind of cause, by the names of the files."""
    names = sorted(each.name for each in pkgutil.iter_modules(__path__))
    return tuple(cast(Kind, importlib.import_module(f"{__name__}.{name}")) for name in names)


def codes() -> dict[str, Code]:
    return {code: told for kind in load() for code, told in kind.CODES.items()}


def causes(case: Case) -> tuple[Cause, ...]:
    """What the evidence points to, each once; () = nothing does."""
    found = [cause for kind in load() for cause in kind.find(case)]
    return tuple(dict.fromkeys(found))


def at(place: At) -> Place:
    return Place(place.kind, place.name)


def cause(kind: dict[str, Code], code: str, place: Place, message: str) -> Cause:
    return Cause(code, At(place.kind, place.name), message, kind[code].fix)
