"""The shape of a predicted path: the places that a packet should visit, and its ends as it comes and goes."""

from __future__ import annotations

from typing import NamedTuple

from kinspect.model.path import Action, Address, Because, Direction, Predicted
from kinspect.trace.sighting import Place

Addresses = frozenset[str] | None
"""Any of these; None = any at all."""


class End(NamedTuple):
    """One end of a packet as far as it can be predicted; `port` None = any. `words`: several, in words."""

    addresses: Addresses
    port: int | None = None
    words: str = "any address"

    def allows(self, address: Address) -> bool:
        """Whether an end that was seen is as predicted. An ICMP error has no ports to compare."""
        if self.addresses is not None and address.address not in self.addresses:
            return False
        return self.port is None or address.port is None or address.port == self.port

    def __str__(self) -> str:
        name = self.told().address or self.words
        return f"{name}:{self.port}" if self.port is not None else name

    def told(self) -> Address:
        one = next(iter(self.addresses)) if self.addresses is not None and len(self.addresses) == 1 else ""
        return Address(one, self.port)


ANY = End(None)


class Ends(NamedTuple):
    """Where a packet should come from and go to, at one moment."""

    src: End
    dst: End

    def allow(self, src: Address, dst: Address) -> bool:
        return self.src.allows(src) and self.dst.allows(dst)

    def reversed(self) -> Ends:
        return Ends(self.dst, self.src)


class Visit(NamedTuple):
    """A place on the path. `entering` None = the packet begins here, `leaving` None = it ends here.

    `actions` are what the place does to it; `because` what decides that, where anything does. `inside`: the
    ends of a packet that is translated to an address of the place itself, and so never leaves.
    """

    direction: Direction
    place: Place
    entering: Ends | None
    leaving: Ends | None
    actions: tuple[Action, ...]
    because: Because | None = None
    inside: Ends | None = None

    def answered(self) -> Visit:
        """The visit that the answer pays to the same place on its way back, where translations are undone."""
        entering = self.leaving.reversed() if self.leaving else None
        leaving = self.entering.reversed() if self.entering else None
        actions: tuple[Action, ...] = self.actions
        if leaving is None:
            actions = ("received",)
        elif entering is None:
            actions = ("sent",)
        return Visit("reply", self.place, entering, leaving, actions, self.because)

    def ends(self, outgoing: bool) -> Ends:
        """The ends on the way in or out; where it begins or ends there is only one of the two."""
        ends = (self.leaving if outgoing else self.entering) or self.entering or self.leaving
        assert ends is not None
        return ends

    def predicted(self, outgoing: bool) -> Predicted:
        """What should be seen at this place, on the way in or on the way out."""
        ends = self.ends(outgoing)
        starts_or_ends = self.leaving is None or self.entering is None
        actions: tuple[Action, ...] = self.actions if outgoing or starts_or_ends else ("received",)
        return Predicted(actions, ends.src.told(), ends.dst.told())

    def explains(self, outgoing: bool, src: Address, dst: Address, unfinished: bool) -> bool:
        """Whether a sighting here is as predicted. `unfinished`: it leaves as predicted after this one.

        A bridge that filters shows translations by halves: the destination is rewritten before the bridge's
        own tap, the source only after it, on the way in and on the way out.
        """
        after = self.leaving or self.inside
        if self.entering is None or after is None or (outgoing and not unfinished):
            return self.ends(outgoing).allow(src, dst)
        partly = Ends(self.entering.src, after.dst)
        return any(ends.allow(src, dst) for ends in (self.entering, after, partly))
