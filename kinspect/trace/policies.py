"""What NetworkPolicies say of a predicted way: of its connection after DNAT, and as whom its source is seen.

Theory of operation:

1. The source is the place that sends: its egress is judged as the packet leaves its node. A node port of
   another node is translated only there, so egress sees that node's address and port.
2. The destination is the last place, at the address and port that the packet has there.
3. A node that puts an address of its own in place of the source gives it another face. Where it only may do
   so, or does so at the destination's own node, where an engine may look before or after, both faces count.
4. Where the packet was seen at the destination's node, its face is known, and no prediction is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from kinspect.model.meta import Key
from kinspect.model.path import Hop, Trace
from kinspect.model.path import Verdict as Outcome
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.network_policy import Connection, Verdict, egress, ingress
from kinspect.resolve.policy_engine import engine_on
from kinspect.resolve.policy_peers import Party, party_at, party_of_pod
from kinspect.trace.expected import Alternative
from kinspect.trace.hops import Owned
from kinspect.trace.run import Expectations, Run
from kinspect.trace.sighting import Place
from kinspect.trace.visit import Visit

_MOST_MISSES = 4
_MOST_NOTES = 6


def judged(
    snapshot: Snapshot, protocol: str, way: Alternative, owned: Owned, hops: Sequence[Hop] = ()
) -> tuple[Verdict, ...]:
    """What the policies say at its source and at its destination; () = neither is a pod, or nobody is called.

    `hops`: the packet, as far as it was seen.
    """
    visits = [each for each in way.visits if each.direction == "original"]
    if not visits or way.outcome in ("refused", "silent"):
        return ()
    source = _source(snapshot, visits[0], owned)
    leaving = [each for each in visits if each.place == _home(snapshot, source)][:1] or visits[:1]
    sent = _called(snapshot, way, leaving[0], protocol, source, owned)
    got = _called(snapshot, way, visits[-1], protocol, source, owned)
    home = _home(snapshot, got.destination) if got else None
    seen = [_party(snapshot, each, owned) for each in _seen_at(home, hops)]
    if seen:
        visits = [each for each in visits if each.place == home]
    faces = _faces(visits, seen or [source], home, owned)
    both = (
        egress(snapshot, sent) if sent else None,
        ingress(snapshot, msgspec.structs.replace(got, faces=faces)) if got else None,
    )
    return tuple(each for each in both if each is not None)


def _called(
    snapshot: Snapshot, way: Alternative, visit: Visit, protocol: str, source: Party, owned: Owned
) -> Connection | None:
    """The connection as it leaves a place, or ends there; None = its port is not known."""
    dst = (visit.inside or visit.ends(True)).dst
    if dst.port is None:
        return None
    address = dst.told().address
    pod = snapshot.pods.get(way.backend.pod) if way.backend and way.backend.pod else None
    if way.backend is not None and pod is not None and way.backend.address == address:
        return Connection(source, party_of_pod(pod), dst.port, protocol)
    return Connection(source, _party(snapshot, address, owned) if address else Party(), dst.port, protocol)


def _source(snapshot: Snapshot, first: Visit, owned: Owned) -> Party:
    """Who sends: the place of the first visit.

    Which of its addresses a node sends from, the API does not tell: to pods that of a bridge or tunnel.
    """
    if first.place.kind == "pod":
        pod = snapshot.pods.get(Key(*first.place.name.split("/", 1)))
        return party_of_pod(pod) if pod else Party()
    address = first.ends(True).src.told().address if first.entering is None else ""
    addresses = (address,) if address else ()
    if first.place.kind == "node":
        return Party(None, first.place.name, addresses if first.place in owned else ())
    return Party(None, "", addresses)


def _party(snapshot: Snapshot, address: str, owned: Owned) -> Party:
    """Whose an address is. Nodes that were asked know their own, those of bridges and tunnels too."""
    node = next((each.name for each, own in owned.items() if each.kind == "node" and address in own), "")
    return Party(None, node, (address,)) if node else party_at(snapshot, address)


def _home(snapshot: Snapshot, party: Party) -> Place | None:
    """The node of a party; None = it has none that is known."""
    pod = snapshot.pods.get(party.pod) if party.pod else None
    name = pod.spec.node_name if pod else party.node
    return Place("node", name) if name else None


def _faces(
    visits: Sequence[Visit], faces: list[Party], home: Place | None, owned: Owned
) -> tuple[Party, ...]:
    """As whom the source is seen after these visits, whoever it was before (point 3)."""
    left = None
    for visit in visits:
        came = visit.entering.src if visit.entering else None
        if None not in (left, came) and left != came:
            faces = [Party()]  # something outside of the cluster sends it on in its own way
        after = visit.inside or visit.leaving
        masquerades = "masquerade" in visit.actions
        if after is not None and (masquerades or (came is not None and came != after.src)):
            own = Party(None, visit.place.name, tuple(sorted(owned.get(visit.place, ()))))
            faces = [own] if masquerades and visit.place != home else [*faces, own]
        left = after.src if after else left
    return tuple(dict.fromkeys(faces))


def _seen_at(home: Place | None, hops: Sequence[Hop]) -> list[str]:
    """The addresses that the source had at the destination's node."""
    here = [hop for hop in hops if hop.direction == "original" and hop.matched_by and hop.src]
    at_home = [hop for hop in here if home == (hop.place.kind, hop.place.name)]
    return list(dict.fromkeys(hop.src.address for hop in at_home if hop.src))


def called_by_proxy(expectations: Expectations, run: Run) -> Sequence[Alternative]:
    """What the proxy may have called that took the request and passed it on to nobody; () = none did so."""
    parting = run.parting
    if parting is None or expectations.beyond is None:
        return ()
    here = [hop for hop in run.hops if (hop.place.kind, hop.place.name) == tuple(parting.place)]
    took = any("delivered" in hop.actions for hop in here)
    return expectations.beyond.get(parting.place, ()) if took else ()


def words(verdict: Verdict) -> str:
    """The verdict with the rules that do not allow it, each with the field that decides."""
    told = [f"{miss.policy.name} {miss.field}: {miss.why}" for miss in verdict.misses]
    if len(told) > _MOST_MISSES:
        told[_MOST_MISSES:] = [f"and {len(told) - _MOST_MISSES} rules more"]
    of = f"{verdict.direction.lower()} of pod {verdict.pod.namespace}/{verdict.pod.name}"
    if verdict.answer == "unknown" and verdict.policies:
        of += f", isolated by {', '.join(f'{each.namespace}/{each.name}' for each in verdict.policies)}"
    return f"{of}: {verdict.because}" + "".join(f"; {each}" for each in told)


def enforced(snapshot: Snapshot, verdict: Verdict) -> str:
    """Who enforces policies at the verdict's pod, in words; "" = nobody is known to."""
    pod = snapshot.pods.get(verdict.pod)
    engine = engine_on(snapshot, pod.spec.node_name) if pod else ""
    return f"{engine} runs on {pod.spec.node_name}" if pod and engine else ""


def unread(snapshot: Snapshot, protocol: str, run: Run, owned: Owned) -> str:
    """Why nobody can tell whether a policy stopped this run; "" = nothing stopped it, or it can be told."""
    if run.alternative is None or run.verdict == "delivered":
        return ""
    told = judged(snapshot, protocol, run.alternative, owned, run.hops)
    return next((each.because for each in told if each.answer == "unknown" and not each.policies), "")


def with_policies(snapshot: Snapshot, protocol: str, ways: Sequence[Alternative], predicted: Trace) -> Trace:
    """The prediction, with what policies say of each of its ways that would be delivered.

    It says "dropped" only where every way is denied and somebody enforces it.
    """
    likely = [each for each in ways if each.share and each.outcome != "refused"]
    found = [(each, judged(snapshot, protocol, each, {})) for each in likely]
    ranked = {note for _, told in found for note in _notes(snapshot, told)}
    notes = [note for _, note in sorted(ranked)]
    if len(notes) > _MOST_NOTES:
        notes[_MOST_NOTES:] = [f"and {len(notes) - _MOST_NOTES} verdicts more, none of them worse"]
    stops = [_stops(snapshot, told) for _, told in found]
    verdict: Outcome = predicted.verdict
    if verdict == "delivered" and any(stops):
        verdict = "dropped" if all(each == "surely" for each in stops) else "unknown"
    return msgspec.structs.replace(predicted, verdict=verdict, notes=(*predicted.notes, *notes))


def _stops(snapshot: Snapshot, told: Sequence[Verdict]) -> Literal["", "surely", "perhaps"]:
    """Whether a policy stops a way. What could not be read at all is only noted."""
    if any(each.answer == "denied" and enforced(snapshot, each) for each in told):
        return "surely"
    return "perhaps" if any(each.answer != "allowed" and each.policies for each in told) else ""


def _notes(snapshot: Snapshot, told: Sequence[Verdict]) -> Iterator[tuple[int, str]]:
    """What is worth saying, the worst with the lowest number."""
    for verdict in told:
        if verdict.answer == "denied":
            who = (
                enforced(snapshot, verdict) or "whether anything enforces NetworkPolicies there is not known"
            )
            yield 0, f"denied as {words(verdict)} ({who})"
        elif verdict.answer == "unknown":
            yield (1, f"perhaps denied as {words(verdict)}") if verdict.policies else (2, verdict.because)
        elif verdict.rule:
            yield 3, f"allowed as {words(verdict)}"
