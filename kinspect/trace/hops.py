"""What was done to the packet between two sightings: a correlated flow in, hops with their actions out.

Theory of operation:

1. A hop is one sighting. What a place did shows where the packet leaves it, beside how it came in: a new
   destination is DNAT, a new source SNAT (a masquerade, if it is an address of that very place), a lower TTL
   routing, a wrapping encapsulation. On the way in, only a bridge that filters shows a translation.
2. In the reply direction the same translations are undone: a source that changes undoes the DNAT, a
   destination that changes undoes the SNAT or masquerade.
3. The packet is *delivered* where its last sighting is, if that place answered it or owns its destination.
   An answer that is a refusal (RST, ICMP error) is *rejected* where it was made.
4. A packet that came in, was not answered and did not leave was *dropped* there, and so was an answer that
   did not come home. It is only so called if the capture has lost nothing. What became of a packet that left
   and was not seen again, its hop does not say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from kinspect.model.path import Action, Address, At, Encapsulation, Hop, Verdict
from kinspect.trace.bpf import TCP
from kinspect.trace.correlate import Flow, Seen
from kinspect.trace.packet import RST, Packet
from kinspect.trace.sighting import Place

Owned = Mapping[Place, frozenset[str]]
"""The addresses of each place; a place that is missing could not be asked."""


REFUSALS = {(3, 2), (3, 3), (3, 9), (3, 10), (3, 13)}
ICMP_ERRORS = {
    (3, 0): "network unreachable",
    (3, 1): "host unreachable",
    (3, 2): "protocol unreachable",
    (3, 3): "port unreachable",
    (3, 4): "fragmentation needed",
    (3, 9): "network prohibited",
    (3, 10): "host prohibited",
    (3, 13): "communication prohibited",
    (5, 1): "redirect",
    (11, 0): "TTL exceeded",
}
"""By type and code. Source: RFC 792, RFC 1812 §5.2.7."""


class Observed(NamedTuple):
    """What a flow tells. `delivered_to` is where the original direction ended, if it was delivered."""

    verdict: Verdict
    hops: tuple[Hop, ...]
    delivered_to: Place | None
    started_ns: int


def observed(flow: Flow, owned: Owned, complete: bool = True, asked: Address | None = None) -> Observed:
    """The hops of a flow. `complete` False = a capture lost packets, so that silence proves nothing.

    `asked` is what was called: a packet that leaves for another destination was translated before it left.
    """
    verdict = _verdict(flow, owned, complete, asked)
    start = flow.original[0].sighting if flow.original else None
    hops = [*_direction(flow.original, owned), *_direction(flow.reply, owned)]
    last = len(flow.original) - 1
    if last >= 0 and asked is not None and hops[0].way == "out" and hops[0].dst != asked:
        hops[0] = _with_action(hops[0], "dnat")
    answer = flow.reply[0].sighting.packet if flow.reply else None
    answered = answer is not None and not _refuses(answer) and not answer.icmp
    arrived = last >= 0 and hops[last].way == "in" and (answered or verdict == "delivered")
    if arrived:
        hops[last] = _with_action(hops[last], "delivered")
    dropped = len(hops) - 1 if answered else last
    if verdict == "dropped" and hops[dropped].way == "in":
        hops[dropped] = _with_action(hops[dropped], "dropped")
    if answer is not None and _refuses(answer):
        hops[last + 1] = _with_action(hops[last + 1], "rejected")
    if start is not None:
        hops = [
            _timed(hop, seen, start.time_ns, start.clock) for hop, seen in zip(hops, _all(flow), strict=True)
        ]
    ended = flow.original[last].sighting.place if arrived else None
    return Observed(verdict, tuple(hops), ended, start.time_ns if start else 0)


def _all(flow: Flow) -> tuple[Seen, ...]:
    return flow.original + flow.reply


def _verdict(flow: Flow, owned: Owned, complete: bool, asked: Address | None) -> Verdict:
    """Delivered: its answer came back to where it was sent from, as from whom it was sent to."""
    if not flow.original:
        return "unknown"
    if flow.reply and _refuses(flow.reply[0].sighting.packet):
        return "refused"
    first, end = flow.original[0].sighting, flow.original[-1].sighting
    if flow.reply and flow.reply[0].sighting.packet.icmp:
        return "dropped"
    if flow.reply:
        back = flow.reply[-1].sighting
        called = asked or Address(first.packet.dst, first.packet.dport)
        translated = (first.packet.dst, first.packet.dport) != (called.address, called.port)
        right = translated or (back.packet.src, back.packet.sport) == (called.address, called.port)
        home = back.place == first.place and not back.outgoing
        return "delivered" if home and right else "dropped" if complete else "unknown"
    if (
        end.packet.protocol != TCP
        and not end.outgoing
        and end.packet.dst in owned.get(end.place, frozenset())
    ):
        return "delivered"  # a datagram needs no answer
    return "dropped" if complete else "unknown"


def _refuses(packet: Packet) -> bool:
    """Whether somebody says no: a RST, or an ICMP error of the kind that firewalls and closed ports send."""
    return bool(packet.flags & RST) or packet.icmp in REFUSALS


def _error(packet: Packet) -> str:
    assert packet.icmp is not None
    return ICMP_ERRORS.get(packet.icmp, f"ICMP type {packet.icmp[0]} code {packet.icmp[1]}")


def _direction(way: tuple[Seen, ...], owned: Owned) -> list[Hop]:
    """One direction's hops, in order."""
    hops: list[Hop] = []
    previous: Seen | None = None
    for seen in way:
        hops.append(_hop(seen, _actions(seen, previous, owned)))
        wrapped = previous is not None and previous.sighting.packet.tunnel is not None
        if wrapped and previous is not None and _unwraps(previous, seen):
            hops[-2] = _with_action(hops[-2], "decapsulated")
        previous = seen
    return hops


def _unwraps(previous: Seen, seen: Seen) -> bool:
    same = previous.sighting.place == seen.sighting.place
    return same and not previous.sighting.outgoing and seen.sighting.packet.tunnel is None


def _actions(seen: Seen, previous: Seen | None, owned: Owned) -> tuple[Action, ...]:
    here = seen.sighting
    if previous is None:
        return ("sent",) if here.outgoing else ("received",)
    before = previous.sighting
    if before.place != here.place:
        return ("sent",) if here.outgoing else ("received",)
    changes = _translations(seen, previous, owned)
    if here.outgoing and here.packet.ttl < before.packet.ttl:
        changes = (*changes, "routed")
    if here.packet.tunnel is not None and before.packet.tunnel is None:
        changes = (*changes, "encapsulated")
    return changes or (("sent",) if here.outgoing else ("received",))


def _translations(seen: Seen, previous: Seen, owned: Owned) -> tuple[Action, ...]:
    """The translations between two sightings at the same place; point 2 of the theory for replies."""
    now, then = seen.sighting.packet, previous.sighting.packet
    original = seen.direction == "original"
    src_changed = (now.src, now.sport) != (then.src, then.sport)
    dst_changed = (now.dst, now.dport) != (then.dst, then.dport)
    actions: list[Action] = []
    if dst_changed if original else src_changed:
        actions.append("dnat")
    if src_changed if original else dst_changed:
        own = (now.src if original else then.dst) in owned.get(seen.sighting.place, frozenset())
        actions.append("masquerade" if own else "snat")
    return tuple(actions)


def _hop(seen: Seen, actions: tuple[Action, ...]) -> Hop:
    sighting, packet = seen.sighting, seen.sighting.packet
    tunnel = packet.tunnel
    return Hop(
        direction=seen.direction,
        place=At(sighting.place.kind, sighting.place.name),
        interface=sighting.interface,
        way="out" if sighting.outgoing else "in",
        actions=actions,
        src=Address(packet.src, None if packet.icmp else packet.sport),
        dst=Address(packet.dst, None if packet.icmp else packet.dport),
        encapsulation=Encapsulation(*tunnel) if tunnel else None,
        icmp=_error(packet) if packet.icmp else None,
        ttl=packet.ttl,
        matched_by=seen.matched_by,
    )


def _with_action(hop: Hop, action: Action) -> Hop:
    """The hop with one more action; the mere `received` gives way to what says more."""
    kept = tuple(each for each in hop.actions if each != "received" or action == "dropped")
    return msgspec.structs.replace(hop, actions=(*kept, action))


def _timed(hop: Hop, seen: Seen, start_ns: int, clock: str) -> Hop:
    """The hop with its time, if it was read from the same clock as the first sighting's."""
    if seen.sighting.clock != clock:
        return hop
    return msgspec.structs.replace(hop, time_ns=seen.sighting.time_ns - start_ns)
