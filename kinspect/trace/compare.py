"""Predicted beside observed: which alternative the packet took, and the first hop where it parted from it.

Theory of operation:

1. The observed hops are cut into visits: neighbours at the same place, in the same direction. They are walked
   beside the predicted visits. Every hop gets what was predicted for it, and whether that agrees.
2. They part where a hop's ends are not as predicted, where a visit was paid to another place, where a packet
   came in and did not leave though it should, or where the next place never saw it. The first of these is
   the divergence. What was predicted after it follows as hops that nobody saw.
3. A place where nobody could look is skipped: its silence proves nothing. A router or balancer outside of the
   cluster that passes the packet on belongs to no prediction; what it changed shows at the next place.
4. Of several alternatives the one that explains the packet furthest is taken. So the packet itself says which
   backend was chosen, and nothing is held against it that any alternative allows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from math import inf
from typing import NamedTuple

import msgspec

from kinspect.model.path import Address, At, Hop
from kinspect.trace.expected import Alternative
from kinspect.trace.sighting import Place
from kinspect.trace.visit import Visit


class Parting(NamedTuple):
    """Where prediction and observation part. `place` is where the packet was last, or did the wrong thing."""

    hop: int
    place: Place
    expected: str
    seen: str


class Compared(NamedTuple):
    """The hops beside their predictions, the alternative that they follow, and where they part from it."""

    hops: tuple[Hop, ...]
    alternative: Alternative
    parting: Parting | None


def compare(
    alternatives: Sequence[Alternative], hops: Sequence[Hop], watched: Collection[Place]
) -> Compared | None:
    """The best comparison; None when nothing was predicted. `watched`: the places where captures ran."""
    seen = {hop.dst.address for hop in hops if hop.dst is not None}

    def furthest(compared: Compared) -> tuple[float, bool]:
        backend = compared.alternative.backend
        parted = compared.parting.hop if compared.parting else inf
        return parted, backend is not None and backend.address in seen

    moved = len({hop.place for hop in hops}) > 1
    # Without visits nothing is predicted but that the packet stays where it is.
    fitting = [each for each in alternatives if each.visits or not moved] or alternatives
    return max((_beside(each, hops, watched) for each in fitting), key=furthest, default=None)


class _Stay(NamedTuple):
    """Observed hops at one place in a row, with their position among all."""

    place: Place
    hops: list[tuple[int, Hop]]


def _stays(hops: Sequence[Hop]) -> list[_Stay]:
    numbered = list(enumerate(hops))
    return [
        _Stay(Place(place.kind, place.name), list(group))
        for (place, _), group in groupby(numbered, lambda each: (each[1].place, each[1].direction))
    ]


def _beside(alternative: Alternative, hops: Sequence[Hop], watched: Collection[Place]) -> Compared:
    walk = _Walk(list(hops), watched, alternative.outcome == "refused")
    stays = _stays(hops)
    position = 0
    for number, visit in enumerate(alternative.visits):
        if visit.place not in watched:
            continue
        while position < len(stays) and _passes_through(stays[position], visit):
            position += 1
        if position == len(stays):
            walk.missing(visit)
        elif stays[position].place != visit.place or stays[position].hops[0][1].direction != visit.direction:
            walk.elsewhere(visit, stays[position])
        else:
            after = stays[position + 1] if position + 1 < len(stays) else None
            walk.stay(visit, stays[position], after)
            position += 1
        if walk.parting is not None:
            unseen = alternative.visits[number:] if position >= len(stays) else ()
            return Compared(walk.with_unseen(unseen), alternative, walk.parting)
    if alternative.visits and alternative.outcome != "unknown":
        walk.going_on([each for each in stays[position:] if each.place.kind != "declared"])
    return Compared(tuple(walk.hops), alternative, walk.parting)


def _passes_through(stay: _Stay, visit: Visit) -> bool:
    """Whether a router or balancer outside of the cluster passed the packet on, which nobody predicts."""
    first, last = stay.hops[0][1], stay.hops[-1][1]
    outside = stay.place.kind == "declared" and stay.place != visit.place
    return outside and (first.way, last.way) == ("in", "out")


class _Walk:
    """The hops so far, each with its prediction, and the first parting."""

    def __init__(self, hops: list[Hop], watched: Collection[Place], may_refuse: bool) -> None:
        self.hops = hops
        self.parting: Parting | None = None
        self._watched = watched
        self._may_refuse = may_refuse
        self._last: int | None = None

    def stay(self, visit: Visit, stay: _Stay, after: _Stay | None) -> None:
        """Compares every hop of a stay with the visit that it should be. `after`: the stay that follows."""
        left = [index for index, hop in stay.hops if hop.way == "out" and _leaves(visit, hop)]
        left += [index for index, hop in (after.hops[:1] if after else ()) if _leaves(visit, hop)]
        for index, hop in stay.hops:
            self._compare(visit, index, hop, any(later > index for later in left))
        self._last = last = stay.hops[-1][0]
        begins = visit.entering is None and any(hop.way == "out" for _, hop in stay.hops)
        if self.parting is None and visit.leaving is not None and self.hops[last].way == "in" and not begins:
            seen = f"it came in by {self.hops[last].interface} and did not leave"
            if after is not None and after.place == visit.place:
                seen = _refusal(after.hops[0][1])
            self.parting = Parting(last + 1, visit.place, f"{visit.place} sends it on", seen)

    def _compare(self, visit: Visit, index: int, hop: Hop, unfinished: bool) -> None:
        assert hop.src is not None
        assert hop.dst is not None
        outgoing = hop.way == "out"
        predicted = visit.predicted(outgoing)
        refused = "rejected" in hop.actions and not self._may_refuse
        agrees = visit.explains(outgoing, hop.src, hop.dst, unfinished) and not refused
        because = visit.because if agrees and (outgoing or "dnat" in hop.actions) else None
        self.hops[index] = msgspec.structs.replace(hop, predicted=predicted, agrees=agrees, because=because)
        if agrees or self.parting is not None:
            return
        if refused:
            self.parting = Parting(index, visit.place, f"{visit.place} accepts it", _refusal(hop))
            return
        ends = visit.ends(outgoing)
        expected = f"{ends.src} to {ends.dst}"
        seen = f"{_named(hop.src)} to {_named(hop.dst)} {hop.way} by {hop.interface}"
        self.parting = Parting(index, visit.place, expected, seen)

    def missing(self, visit: Visit) -> None:
        """The packet, or its answer, was never seen where this visit should be."""
        at = self._last
        index = 0 if at is None else at + 1
        last = self.hops[at] if at is not None else None
        place = Place(last.place.kind, last.place.name) if last else visit.place
        answer = visit.direction == "reply" and (last is None or last.direction == "original")
        begins = last is None and visit.entering is None
        does = "answers" if answer else "sends it"
        expected = f"{visit.place} {does}" if answer or begins else f"it arrives at {visit.place}"
        seen = "no answer" if answer else f"it left {place} and was not seen again" if last else "nothing"
        self.parting = Parting(index, visit.place if answer else place, expected, seen)

    def elsewhere(self, visit: Visit, stay: _Stay) -> None:
        index, hop = stay.hops[0]
        if hop.direction != visit.direction:
            expected, seen = f"it arrives at {visit.place}", _refusal(hop)
        else:
            expected, seen = f"it arrives at {visit.place}", f"it arrived at {stay.place}"
        self.hops[index] = msgspec.structs.replace(hop, agrees=False, predicted=visit.predicted(False))
        last = self.hops[self._last].place if self._last is not None else hop.place
        self.parting = Parting(index, Place(last.kind, last.name), expected, seen)

    def going_on(self, stays: Sequence[_Stay]) -> None:
        """What was seen in the cluster after everything that was predicted contradicts it."""
        if stays:
            index, hop = stays[0].hops[0]
            last = self.hops[self._last].place if self._last is not None else hop.place
            seen = f"it went on to {stays[0].place}"
            self.hops[index] = msgspec.structs.replace(hop, agrees=False)
            self.parting = Parting(index, Place(last.kind, last.name), f"it ends at {last.name}", seen)

    def with_unseen(self, visits: Sequence[Visit]) -> tuple[Hop, ...]:
        """The hops, and behind them what should have followed in the same direction and nobody saw."""
        assert self.parting is not None
        rest: list[Hop] = []
        for number, visit in enumerate(visits):
            if visit.direction != visits[0].direction or visit.place not in self._watched:
                break
            here = number == 0 and self._last is not None and self._at_last(visit.place)
            rest += predicted_hops(visit, way_in=not here)
        return (*self.hops, *rest)

    def _at_last(self, place: Place) -> bool:
        last = self.hops[-1].place
        return Place(last.kind, last.name) == place


def predicted_hops(visit: Visit, way_in: bool = True) -> list[Hop]:
    """The hops of a visit that nobody saw: on its way in, unless that was seen, and on its way out."""
    at = At(visit.place.kind, visit.place.name)
    found = []
    if visit.entering is not None and way_in:
        found.append(Hop(visit.direction, at, way="in", predicted=visit.predicted(False)))
    if visit.leaving is not None:
        predicted = visit.predicted(True)
        found.append(Hop(visit.direction, at, way="out", predicted=predicted, because=visit.because))
    return found


def _leaves(visit: Visit, hop: Hop) -> bool:
    return bool(visit.leaving and hop.src and hop.dst and visit.leaving.allow(hop.src, hop.dst))


def _refusal(hop: Hop) -> str:
    place = Place(hop.place.kind, hop.place.name)
    return f"{place} said {hop.icmp}" if hop.icmp else f"{place} refused it (RST)"


def _named(end: Address) -> str:
    name = end.address or "any address"
    return f"{name}:{end.port}" if end.port is not None else name
