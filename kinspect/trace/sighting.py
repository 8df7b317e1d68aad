"""What a capture saw of a packet, where and when; and the marks by which it is known again."""

from __future__ import annotations

from typing import Literal, NamedTuple

from kinspect.trace.packet import Packet

PlaceKind = Literal["node", "pod", "declared"]


class Place(NamedTuple):
    """Where packets are seen: a node, a pod (`name` is namespace/name), or a declared place."""

    kind: PlaceKind
    name: str

    def __str__(self) -> str:
        return self.name if self.kind == "declared" else f"{self.kind}/{self.name}"


class Sighting(NamedTuple):
    """One packet at one interface. `order` counts within one capture: the kernel's own order of events.

    `clock` names the clock that `time_ns` was read from: times of two clocks cannot be compared.
    """

    place: Place
    interface: str
    outgoing: bool
    time_ns: int
    order: int
    packet: Packet
    clock: str = ""


class SequenceMark(NamedTuple):
    """A TCP connection whose first sequence number we chose."""

    first: int


class SegmentMark(NamedTuple):
    """A segment with `length` bytes of data, in a connection that was opened before."""

    first: int
    length: int


class OldMark(NamedTuple):
    """A segment with `length` bytes of data that the other end had before, in a connection of ours."""

    first: int
    length: int


class TokenMark(NamedTuple):
    """A datagram or a request that carries a token, in bytes that nobody else has a reason to send."""

    token: bytes


Mark = SequenceMark | SegmentMark | OldMark | TokenMark
