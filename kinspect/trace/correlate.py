"""Which sightings are the marked packet, and in which order it passed: sightings in, one flow out.

Theory of operation:

1. The mark decides, nothing else. Original direction: a SYN with our sequence number. Reply: a segment that
   acknowledges it (SYN-ACK, or RST), or an ICMP error that quotes it. Addresses and ports, which NAT
   rewrites, and IP ids, which mean nothing, are never compared: flows that NAT makes look alike stay apart.
2. A datagram's mark is the token in its payload. Its answer need not carry the token: what comes back between
   the same addresses and ports, reversed, as the token was seen with *at that place* is the reply (`ports`).
   So is a token that comes back (an echo). What was answered in what was asked decides the direction.
3. Order is time, and where times are equal (the kernel stamps a packet once on its way through a bridge), the
   capture's own order. The order in which captures arrive here means nothing.
4. The same packet at the same interface, in the same shape, is a repetition. When the first sighting of all
   is repeated, a retransmission has begun: it may take another way, so it is counted and not followed. A late
   answer counts if the first transmission got none, and a place that it came to has made it.
   A lower TTL is another shape: a loop shows.
5. Nothing is added: every hop is one sighting, and what no capture saw is not here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from kinspect.model.path import Direction, MatchedBy
from kinspect.trace.bpf import TCP
from kinspect.trace.packet import ACK, FIN, RST, SYN, Packet
from kinspect.trace.sighting import Mark, OldMark, Place, SegmentMark, SequenceMark, Sighting, TokenMark


class Seen(NamedTuple):
    """A sighting of the marked packet or of its answer, and how it was recognised."""

    direction: Direction
    matched_by: MatchedBy
    sighting: Sighting


class Flow(NamedTuple):
    """One marked packet and its answer, each in the order of its way. `repeated` counts retransmissions."""

    original: tuple[Seen, ...]
    reply: tuple[Seen, ...]
    repeated: int


def correlate(mark: Mark, sightings: Iterable[Sighting]) -> Flow:
    """What these sightings tell about the marked packet."""
    found = sorted(sightings, key=_moment)
    if isinstance(mark, TokenMark):
        seen = _by_token(mark.token, found)
    elif isinstance(mark, OldMark):
        seen = _by_old_data(mark, found)
    elif isinstance(mark, SegmentMark):
        seen = [each for sighting in found if (each := _by_segment(mark, sighting))]
    else:
        seen = [each for sighting in found if (each := _by_sequence(mark, sighting))]
    again = _retransmitted(seen)
    early = seen[:again]
    answers = [each for each in early if each.direction == "reply"]
    late = [] if answers else _late_answer(seen, again)
    original = _first_of_each([each for each in early if each.direction == "original"])
    reply = _first_of_each(answers + late)
    return Flow(original, reply, len(seen) - len(original) - len(reply))


def _retransmitted(seen: list[Seen]) -> int:
    """The position from which on it is a retransmission: where the first sighting of all is repeated."""
    sent = [(number, _shape(each)) for number, each in enumerate(seen) if each.direction == "original"]
    return next((number for number, shape in sent[1:] if shape == sent[0][1]), len(seen))


def _late_answer(seen: list[Seen], again: int) -> list[Seen]:
    """The answers after a retransmission, if the first of them was made where the first transmission came."""
    reached = {each.sighting.place for each in seen[:again]}
    late = [each for each in seen[again:] if each.direction == "reply"]
    return late if late and late[0].sighting.place in reached else []


def _first_of_each(seen: list[Seen]) -> tuple[Seen, ...]:
    first: dict[object, Seen] = {}
    for each in seen:
        first.setdefault(_shape(each), each)
    return tuple(first.values())


def _moment(sighting: Sighting) -> tuple[int, int, Place, str, bool]:
    """Ties between captures, which cannot be told apart, are broken by name: any order is as good."""
    return sighting.time_ns, sighting.order, sighting.place, sighting.interface, sighting.outgoing


def _shape(seen: Seen) -> object:
    """What two sightings share when one repeats the other."""
    packet = seen.sighting.packet
    where = (seen.sighting.place, seen.sighting.interface, seen.sighting.outgoing, seen.direction)
    return where, packet[:6], packet.flags, packet.tunnel, packet.icmp


def _by_sequence(mark: SequenceMark, sighting: Sighting) -> Seen | None:
    packet = sighting.packet
    if packet.quoted is not None:
        return Seen("reply", "quoted", sighting) if _is_first(packet.quoted, mark) else None
    if _is_first(packet, mark):
        return Seen("original", "sequence", sighting)
    if packet.flags & ACK and packet.flags & (SYN | RST) and packet.ack == (mark.first + 1) % 2**32:
        return Seen("reply", "acknowledgement", sighting)
    return None


def _by_segment(mark: SegmentMark, sighting: Sighting) -> Seen | None:
    packet = sighting.packet
    about = packet.quoted or packet
    if about.protocol == TCP and about.seq == mark.first and (about.payload or packet.quoted):
        return Seen("reply", "quoted", sighting) if packet.quoted else Seen("original", "sequence", sighting)
    if packet.protocol == TCP and packet.flags & ACK and packet.ack == (mark.first + mark.length) % 2**32:
        # The bare acknowledgement and the data that follows it acknowledge the same: the first one counts.
        plain = packet._replace(flags=packet.flags & RST, payload=b"")
        return Seen("reply", "acknowledgement", sighting._replace(packet=plain))
    return None


def _by_old_data(mark: OldMark, found: list[Sighting]) -> list[Seen]:
    """The old segment; its answer is a bare acknowledgement that came after it. `found` is in order."""
    seen: list[Seen] = []
    for sighting in found:
        packet = sighting.packet
        about = packet.quoted or packet
        bare = packet.protocol == TCP and packet.flags & (ACK | SYN | RST | FIN) == ACK and not packet.payload
        if about.protocol == TCP and about.seq == mark.first and (packet.quoted or packet.payload):
            quoted = packet.quoted is not None
            seen.append(Seen("reply" if quoted else "original", "quoted" if quoted else "sequence", sighting))
        elif seen and bare and packet.ack == (mark.first + mark.length) % 2**32:
            seen.append(Seen("reply", "acknowledgement", sighting))
    return seen


def _is_first(packet: Packet, mark: SequenceMark) -> bool:
    """Whether it is the SYN. An ICMP error may quote no more than the ports and the sequence number."""
    opening = packet.flags & (SYN | ACK | RST) in (0, SYN)
    return packet.protocol == TCP and packet.seq == mark.first and opening and not packet.payload


class _Ends(NamedTuple):
    """The addresses and ports of a datagram at one place."""

    place: Place
    src: str
    sport: int
    dst: str
    dport: int


def _ends(place: Place, packet: Packet) -> _Ends:
    return _Ends(place, packet.src, packet.sport, packet.dst, packet.dport)


def _by_token(token: bytes, found: list[Sighting]) -> list[Seen]:
    """The datagrams that carry the token, their answers, and errors about them; `found` is in order."""
    asked: set[_Ends] = set()
    seen: list[Seen] = []
    for sighting in found:
        packet = sighting.packet
        here = _ends(sighting.place, packet)
        back = _Ends(here.place, here.dst, here.dport, here.src, here.sport)
        if packet.quoted is not None:
            if _ends(sighting.place, packet.quoted) in asked or token in packet.quoted.payload:
                seen.append(Seen("reply", "quoted", sighting))
        elif token in packet.payload:
            answer = back in asked
            asked |= set() if answer else {here}
            seen.append(Seen("reply" if answer else "original", "token", sighting))
        elif back in asked:
            seen.append(Seen("reply", "ports", sighting))
    return seen
