"""One attempt, read: its sightings become hops beside their predictions, through an L7 proxy if there is one.

Theory of operation:

1. The marked connection is correlated by its mark and compared with what was expected.
2. A proxy ends that connection and opens its own. There the token stands in a payload: the ends of the
   segment that carries it tell the connection, whose SYN at the same place tells its first sequence number.
   From there on the second connection is a marked one, like the first. Of one that was kept open the segment
   itself is followed.
3. The joined path is: the first connection there and back, then the second one, as they follow in time: a
   mark is found in the SYN and its answer, and a proxy has accepted before it asks for itself. If no second
   connection carries the token, the proxy answered by itself: there the path parts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

import msgspec

from kinspect.model.path import Address, Hop, Large, Served, Verdict
from kinspect.resolve.backends import Backend
from kinspect.trace import large
from kinspect.trace.bpf import WINDOW
from kinspect.trace.compare import Compared, Parting, compare
from kinspect.trace.correlate import Flow, correlate
from kinspect.trace.expected import Alternative
from kinspect.trace.hops import Observed, Owned, observed
from kinspect.trace.methods import Attempt, Local, Tables
from kinspect.trace.packet import ACK, SYN
from kinspect.trace.sighting import Mark, Place, SegmentMark, SequenceMark, Sighting
from kinspect.trace.tables import table_hops

ERRNOS = {
    "ENETUNREACH": "there is no route",
    "EHOSTUNREACH": "its route says unreachable, or nobody answers for the next hop",
    "EACCES": "its route says prohibit",
    "EINVAL": "its route says blackhole",
}
"""What a kernel means that will not send. Source: ip-route(8), "unreachable", "prohibit", "blackhole"."""
_FORWARDED_FOR = re.compile(rb"\r\nX-Forwarded-For:([^\r\n]*)", re.IGNORECASE)


class Expectations(NamedTuple):
    """What may happen to the connection, and per proxy what may happen to the one that it opens.

    `asked` is the address that is called. `beyond` None = no L7 proxy is on the way.
    """

    asked: Address
    alternatives: Sequence[Alternative]
    beyond: dict[Place, Sequence[Alternative]] | None


class Run(NamedTuple):
    """One attempt as it is told. `started_ns` is when the first sighting was; the hops count from there.

    `error`: why nothing was sent at all, by the name of an errno; "" = something was, or nobody knows why.
    `large`: what became of a packet as large as the sender's own; None = not tried, or not known.
    """

    verdict: Verdict
    hops: tuple[Hop, ...]
    backend: Served | None
    parting: Parting | None
    alternative: Alternative | None
    note: str
    started_ns: int = 0
    error: str = ""
    large: Large | None = None

    @property
    def ended(self) -> Place | None:
        """Where the packet was last: where it parted, else where it was seen last. None = nowhere."""
        if self.parting is not None:
            return self.parting.place
        seen = [hop.place for hop in self.hops if hop.matched_by and hop.direction == "original"]
        return Place(seen[-1].kind, seen[-1].name) if seen else None


def run_of(
    attempt: Attempt,
    sightings: Sequence[Sighting],
    expectations: Expectations,
    owned: Owned,
    watched: Collection[Place],
    complete: bool,
) -> Run:
    """What this attempt tells."""
    if attempt.tables is not None and attempt.local is not None:
        return _by_tables(attempt, expectations, attempt.local, attempt.tables)
    if attempt.mark is None and attempt.outcome != "unreachable":
        return Run(_by_outcome(attempt), (), None, None, None, attempt.note)
    flow = correlate(attempt.mark, sightings) if attempt.mark else Flow((), (), 0)
    first = observed(flow, owned, complete, expectations.asked)
    compared = compare(expectations.alternatives, first.hops, watched)
    beside = large.read(attempt.large, flow, sightings, first.delivered_to, complete)
    run = _told(first, compared, attempt.note)._replace(started_ns=first.started_ns, large=beside)
    if not any(hop.direction == "original" for hop in first.hops) and attempt.outcome != "answered":
        run = _unsent(run, attempt)
    if not attempt.token or expectations.beyond is None or run.parting or first.delivered_to is None:
        return run
    proxy = first.delivered_to
    mark = second_mark(attempt, sightings, proxy)
    if mark is None:
        return _ended_at_proxy(run, proxy)
    second = observed(correlate(mark, sightings), owned, complete)
    beyond = compare(expectations.beyond.get(proxy, ()), second.hops, watched)
    told = _told(second, beyond, _forwarded_for(attempt, sightings, second))
    return _joined(run, told._replace(started_ns=second.started_ns))


def _unsent(run: Run, attempt: Attempt) -> Run:
    """The run of a packet that never left: the socket knows best what became of it."""
    error = attempt.error if attempt.outcome == "unreachable" else ""
    parting = run.parting
    if parting is not None and error:
        why = ERRNOS.get(error, "")
        parting = parting._replace(seen=f"the kernel would not send it: {error}{f' ({why})' if why else ''}")
    return run._replace(verdict=_by_outcome(attempt), parting=parting, error=error)


def _by_tables(attempt: Attempt, expectations: Expectations, local: Local, tables: Tables) -> Run:
    """What the kernels' tables tell: the translations are proved, the links in between are not seen."""
    hops = table_hops(local, expectations.asked, tables)
    compared = compare(expectations.alternatives, hops, [place for place in tables if _answers(hops, place)])
    seen = Observed(_by_outcome(attempt), hops, None, 0)
    return _told(seen, compared, attempt.note)


def _answers(hops: Sequence[Hop], place: Place) -> bool:
    """A node whose table has nothing of the connection did not track it, or did not see it: no proof."""
    return any((hop.place.kind, hop.place.name) == tuple(place) for hop in hops)


def second_mark(attempt: Attempt, sightings: Sequence[Sighting], proxy: Place) -> Mark | None:
    """The mark of the connection by which the proxy passed the token on; None = there was none.

    A connection that the proxy kept open has no SYN to see: there the segment with the token is followed.
    """
    assert isinstance(attempt.mark, SequenceMark)
    opened = {
        each.packet[:5]: each.packet.seq
        for each in sightings
        if each.place == proxy and each.outgoing and each.packet.flags & (SYN | ACK) == SYN
    }
    for each in sightings:
        own = (each.packet.seq - attempt.mark.first) % 2**32 < WINDOW
        if each.place == proxy and each.outgoing and attempt.token in each.packet.payload and not own:
            first = opened.get(each.packet[:5])
            if first is not None:
                return SequenceMark(first)
            return SegmentMark(each.packet.seq, len(each.packet.payload))
    return None


def _by_outcome(attempt: Attempt) -> Verdict:
    verdicts: dict[str, Verdict] = {"answered": "delivered", "refused": "refused"}
    return verdicts.get(attempt.outcome, "dropped")


def _told(seen: Observed, compared: Compared | None, note: str) -> Run:
    hops = compared.hops if compared else seen.hops
    alternative = compared.alternative if compared else None
    backend = _served(seen, alternative.backend if alternative else None)
    return Run(seen.verdict, hops, backend, compared.parting if compared else None, alternative, note)


def _served(seen: Observed, backend: Backend | None) -> Served | None:
    """Who got the packet: where its last hop in the original direction says that it went."""
    if seen.verdict != "delivered":
        return None
    last = [hop for hop in seen.hops if hop.direction == "original"][-1]
    if last.dst is None or last.dst.port is None or (last.way == "out" and last.matched_by != "kernel"):
        return None  # where it went from there, nobody saw
    pod = last.place.name if last.place.kind == "pod" else ""
    node = last.place.name if last.place.kind == "node" else ""
    if backend is not None and backend.address == last.dst.address:
        pod = f"{backend.pod.namespace}/{backend.pod.name}" if backend.pod else pod
        node = backend.node or node
    return Served(last.dst.address, last.dst.port, pod, node)


def _ended_at_proxy(run: Run, proxy: Place) -> Run:
    """The proxy took the request and asked nobody."""
    hops = [hop for hop in run.hops if hop.direction == "original"]
    parting = Parting(len(hops), proxy, f"{proxy} asks a backend", f"it answered by itself: {run.note}")
    return run._replace(verdict="refused", backend=None, parting=parting)


def _forwarded_for(attempt: Attempt, sightings: Sequence[Sighting], second: Observed) -> str:
    """What the request says of its client where it arrived, in words."""
    for each in sightings:
        arrived = each.place == second.delivered_to and not each.outgoing
        if arrived and attempt.token in each.packet.payload:
            found = _FORWARDED_FOR.search(each.packet.payload)
            value = found[1].decode("latin-1").strip() if found else "not set"
            return f"{attempt.note}; X-Forwarded-For at {each.place}: {value}"
    return attempt.note


def _joined(first: Run, second: Run) -> Run:
    """One path of both connections, one after the other. The token joins the second to the first."""
    there = [hop for hop in first.hops if hop.direction == "original"]
    back = [hop for hop in first.hops if hop.direction == "reply"]
    actions = tuple(each for each in there[-1].actions if each != "delivered")
    there[-1] = msgspec.structs.replace(there[-1], actions=(*actions, "proxied"))
    shift = second.started_ns - first.started_ns
    between = [_later(hop, shift) for hop in second.hops]
    between[0] = msgspec.structs.replace(between[0], matched_by="token")
    before = (*there, *back)
    parting = second.parting and second.parting._replace(hop=second.parting.hop + len(before))
    hops = (*before, *between)
    return second._replace(hops=hops, parting=parting, started_ns=first.started_ns, large=first.large)


def _later(hop: Hop, shift_ns: int) -> Hop:
    return msgspec.structs.replace(hop, time_ns=None if hop.time_ns is None else hop.time_ns + shift_ns)
