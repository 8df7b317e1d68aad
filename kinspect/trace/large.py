"""Whether packets as large as the sender's own pass: one is sent beside a connection that came about.

Theory of operation:

1. The sender's kernel tells how large its packets would be: what both ends and its own route allow. One of
   that size is built by hand, with DF set as the kernel sets it.
2. It carries numbers from before the connection's first: old data. The TCP at the other end acknowledges such
   a segment at once and throws it away (RFC 9293 §3.10.7.4), so that nothing reaches the application.
3. If it is not acknowledged, a small old segment, of one byte, goes the same way, as keepalives do. If that
   one is not acknowledged either, somebody on the way takes offence at old data, and nothing is said about
   size. The same if it is seen to go elsewhere: it is no packet of the socket, so a router with several ways
   may choose another. It comes last, since Linux answers but one such segment in half a second
   (tcp_invalid_ratelimit), and the large one usually passes.
4. Whoever does not know the connection answers by a RST that bears the number which the segment acknowledges.
   That number is an old one too, so that neither kernels nor their connection tables heed such a RST.
5. The large one is acknowledged, or a router says that it is too large (ICMP), which mends it: senders heed
   that. Or neither happens, three times: a hole. Where it was seen last is where to look.

Only the way there is tried. What the other end sends back may be as large, and nobody can make it do so.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import groupby
from struct import Struct
from typing import Any

from kinspect.errors import NotPermitted
from kinspect.model.path import At, Large
from kinspect.trace.bpf import BEFORE
from kinspect.trace.correlate import Flow, correlate
from kinspect.trace.methods import Failed, Local, OldSegments, Send, Size, Wait
from kinspect.trace.packet import ACK, SYN
from kinspect.trace.segment import segment
from kinspect.trace.sighting import OldMark, Place, SequenceMark, Sighting
from kinspect.trace.target import Target

TRIES, TRY_S = 3, 0.3
HEADERS, TIMESTAMPS = 40, 12
"""The bytes of an IPv4 and a TCP header, and those of the option that most connections have."""

FRAGMENTATION_NEEDED = (3, 4)
TOO_LARGE = "EMSGSIZE"
"""A link behind a translation of the sender itself takes less; its TCP only hears of that by ICMP."""

_TCP_INFO = Struct("=5xB10xI")  # tcpi_options and tcpi_snd_mss
_HAS_TIMESTAMPS = 1


def largest(tcp_info: bytes) -> int:
    """The size of the largest IPv4 packet that the kernel would send on a connection; 0 = not told.

    Source: Linux include/uapi/linux/tcp.h, struct tcp_info.
    """
    if len(tcp_info) < _TCP_INFO.size:
        return 0
    options, segment = _TCP_INFO.unpack_from(tcp_info)
    return int(segment) + HEADERS + (TIMESTAMPS if options & _HAS_TIMESTAMPS else 0)


def send(local: Local, target: Target, first: int) -> Generator[Any, Any, OldSegments | None]:
    """Sends both beside the connection that begins with this number. None = that cannot be done here."""
    size = min((yield Size()), BEFORE)
    answer = (yield Wait(SequenceMark(first), TRY_S)) if size > HEADERS + 1 else None
    if answer is None or answer.flags & (SYN | ACK) != SYN | ACK:
        return None
    ends = (local.address, local.port, target.address, target.number)
    small, large = (OldMark(first + 1 - length, length) for length in (1, size - HEADERS))
    try:
        for mark in (large, small):
            packet = segment(*ends, mark.first, answer.seq, mark.length)
            answered = None
            for _ in range(TRIES):
                failed = yield Send(packet)
                if isinstance(failed, Failed) and failed.error != TOO_LARGE:
                    return None
                answered = yield Wait(mark, TRY_S)
                if answered:
                    break
            if answered is not None and not answered.icmp:
                break
            if mark is small:
                return None
    except NotPermitted:
        return None
    return OldSegments(small, large, size)


def read(
    sent: OldSegments | None,
    opening: Flow,
    sightings: Sequence[Sighting],
    arrived_at: Place | None,
    complete: bool,
) -> Large | None:
    """What became of the large one. None = it was not tried, or nothing can be said.

    `opening` is the connection's first packet, which shows the way; `arrived_at` where that one came to.
    """
    if sent is None or not opening.original:
        return None
    start = opening.original[0].sighting
    small, large = (correlate(mark, sightings) for mark in (sent.small, sent.large))
    # Both end at the same number, so that an acknowledgement is for what was sent last before it.
    later = small.original[0].sighting.order if small.original else None
    passed = _acknowledged(large, start.place, later)
    if not (passed or _acknowledged(small, start.place)) or _is_far(opening):
        return None
    if _way(large if passed else small) != _way(opening):
        return None
    last = large.original[-1].sighting if large.original else None
    told = [each.sighting for each in large.reply if each.sighting.packet.icmp == FRAGMENTATION_NEEDED]
    delivered = passed or (last is not None and last.place == arrived_at)
    heard = any(each.place == start.place for each in told)
    if not delivered and not heard and not complete:
        return None
    return Large(
        size=sent.size,
        verdict="delivered" if delivered else "refused" if heard else "dropped",
        place=_at(last.place if last else start.place),
        interface=last.interface if last else "",
        told_by=_at(told[0].place) if told else None,
        mtu=told[0].packet.next_mtu or None if told else None,
    )


def _is_far(opening: Flow) -> bool:
    """Whether answers take longer than a try: one to the large packet would be taken for the small one's."""
    start = opening.original[0].sighting
    answers = [each.sighting.time_ns for each in opening.reply if each.sighting.place == start.place]
    return bool(answers) and min(answers) - start.time_ns > TRY_S * 1_000_000_000


def _at(place: Place) -> At:
    return At(place.kind, place.name)


def _acknowledged(flow: Flow, home: Place, before: int | None = None) -> bool:
    """Whether that was heard at home; `before` the sighting of this order, None = at any time."""
    return any(
        each.matched_by == "acknowledgement"
        and each.sighting.place == home
        and (before is None or each.sighting.order < before)
        for each in flow.reply
    )


def _way(flow: Flow) -> list[object]:
    """The ends that it left with, and the places that it came by."""
    first = flow.original[0].sighting.packet if flow.original else None
    places = groupby(seen.sighting.place for seen in flow.original)
    return [first and first[:5], *(place for place, _ in places)]
