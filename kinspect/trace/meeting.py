"""Where a packet meets a service proxy, in the words of the node's rules: what came, what should be done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import msgspec

from kinspect.model.path import Because, Hop
from kinspect.ruleset.faults import Expectation
from kinspect.ruleset.matching import Headers, Node
from kinspect.ruleset.model import Ruleset
from kinspect.ruleset.names import iptables_name, nftables_name
from kinspect.ruleset.walk import journey
from kinspect.ruleset.way import Way
from kinspect.trace.expected import Alternative
from kinspect.trace.run import Run
from kinspect.trace.sighting import Place
from kinspect.trace.target import Target
from kinspect.trace.visit import Visit

_ANY_PORT = 40_000
"""Stands for a client's port that nobody saw; no rule of a proxy looks at it."""


class Meeting(NamedTuple):
    """A node and what its rules should do to the packet that came."""

    place: Place
    expectation: Expectation


def meeting(target: Target, alternatives: Sequence[Alternative], run: Run, source: str) -> Meeting | None:
    """Where this run met the proxy; None = nowhere that is known, or there is no Service.

    `source` is the address that the vantage sends from, for what no link sees before it is translated.
    """
    visit = _met(run.alternative) if run.alternative else None
    if visit is None or target.service is None:
        return None
    others = [(each, met) for each in alternatives if (met := _met(each)) and met.place == visit.place]
    backends = frozenset(
        (each.backend.address, each.backend.port or 0) for each, _ in others if each.backend is not None
    )
    refusals: dict[str, Literal["reject", "drop"]] = {"refused": "reject", "silent": "drop"}
    expectation = Expectation(
        headers=_headers(target, visit, run.hops, source),
        backends=backends,
        refusal="" if backends else refusals.get(run.alternative.outcome if run.alternative else "", ""),
        masquerade=_masquerade([met for _, met in others]),
        origin="node" if visit.entering is None else "network",
    )
    return Meeting(visit.place, expectation)


def _met(alternative: Alternative) -> Visit | None:
    """The visit where a proxy acts: it translates, or refuses for want of backends."""
    for visit in alternative.visits:
        acts = {"dnat", "rejected", "dropped"} & set(visit.actions)
        if acts and visit.direction == "original":
            return visit
    return None


def _headers(target: Target, visit: Visit, hops: Iterable[Hop], source: str) -> Headers:
    """The packet as it came in, as far as it was seen."""
    here = [hop for hop in hops if (hop.place.kind, hop.place.name) == tuple(visit.place)]
    came = [hop for hop in here if hop.way == "in" and hop.direction == "original" and hop.src and hop.dst]
    asked = [hop for hop in came if hop.dst and hop.dst.address == visit.ends(False).dst.told().address]
    last = asked[-1] if asked else None
    entering = visit.ends(False)
    src = last.src.address if last and last.src else entering.src.told().address or source
    called = visit.entering.dst if visit.entering else None
    return Headers(
        protocol=target.protocol.lower(),
        src=src,
        sport=(last.src.port or _ANY_PORT) if last and last.src else _ANY_PORT,
        dst=(called.told().address if called else "") or target.address,
        dport=(called.port if called else None) or target.number,
        in_device=(last.interface or "") if last else "",
    )


def _masquerade(visits: Iterable[Visit]) -> bool | None:
    """Whether the source should be replaced: only where every alternative says the same, and surely."""
    told = set()
    for visit in visits:
        if visit.entering is None or visit.leaving is None:
            return None
        if "masquerade" in visit.actions:
            told.add(True)
        elif visit.leaving.src == visit.entering.src:
            told.add(False)
        else:
            return None
    return told.pop() if len(told) == 1 else None


def with_chain(run: Run, met: Meeting, ruleset: Ruleset, node: Node) -> Run:
    """The run whose DNAT hop names the chains that chose its backend."""
    ways = journey(ruleset, met.expectation.headers, node, met.expectation.origin)
    hops = [_named(hop, met.place, ways) for hop in run.hops]
    return run._replace(hops=tuple(hops))


def _named(hop: Hop, place: Place, ways: Sequence[Way]) -> Hop:
    here = (hop.place.kind, hop.place.name) == tuple(place)
    if not here or "dnat" not in hop.actions or hop.direction != "original" or hop.dst is None:
        return hop
    for way in ways:
        if way.backend is not None and (way.headers.dst, way.headers.dport) == (
            hop.dst.address,
            hop.dst.port,
        ):
            names = [each.name for each in way.chains if iptables_name(each.name) or nftables_name(each.name)]
            because = hop.because or Because("", "", "")
            told = msgspec.structs.replace(because, rule=" → ".join(names))
            return msgspec.structs.replace(hop, because=told)
    return hop
