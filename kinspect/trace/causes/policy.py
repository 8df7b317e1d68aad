"""A NetworkPolicy does not allow the connection, where it was stopped; or nothing cared that it does not.

An engine enforces the sender's egress and the receiver's ingress where each pod hangs: on its node. A packet
that was seen beyond it was let pass. One that was not, and was seen there last, may have been stopped by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinspect.model.path import Cause, Hop
from kinspect.model.policy import NetworkPolicy
from kinspect.resolve.network_policy import Verdict, rules_of
from kinspect.trace.causes import Case, Code, at, cause
from kinspect.trace.expected import Alternative
from kinspect.trace.onward import pod_place
from kinspect.trace.policies import enforced, judged, words
from kinspect.trace.sighting import Place

CODES = {
    "POL301": Code(
        "an egress NetworkPolicy of the sender does not allow it",
        "Allow it in spec.egress of a policy that selects the sender: the pods that are called, by their own"
        " port, not the Service's.",
    ),
    "POL302": Code(
        "an ingress NetworkPolicy of the receiver does not allow it",
        "Allow it in spec.ingress of a policy that selects the receiver: from whom it is seen to come, to the"
        " pod's own port, not the Service's.",
    ),
    "POL303": Code(
        "a NetworkPolicy denies it, and it passed all the same: nothing enforces it",
        "Install a policy engine, or look whether the one that runs takes part on this node: the policy"
        " protects nothing.",
    ),
}

_CODE = {"Egress": "POL301", "Ingress": "POL302"}


def find(case: Case) -> Iterator[Cause]:
    """What stopped it, or should have. What a proxy would have called is denied if all of its ways are."""
    if case.beyond:
        told = [_denials(_judged(case, each, ())) for each in case.beyond if each.share]
        if all(told):
            for verdict in dict.fromkeys(each for some in told for each in some):
                yield _named(case, _CODE[verdict.direction], verdict)
        return
    if case.run.alternative is None:
        return
    for verdict in _judged(case, case.run.alternative, case.run.hops):
        if _let_pass(case, verdict):
            if verdict.answer == "denied":
                yield _named(case, "POL303", verdict)
        elif case.run.verdict in ("dropped", "refused") and _denials([verdict]) and _near(case, verdict):
            yield _named(case, _CODE[verdict.direction], verdict)


def _judged(case: Case, way: Alternative, hops: Sequence[Hop]) -> tuple[Verdict, ...]:
    return judged(case.snapshot, case.target.protocol, way, case.owned, hops)


def _denials(told: Sequence[Verdict]) -> list[Verdict]:
    """Those that deny it, or that may."""
    return [each for each in told if each.answer != "allowed" and each.policies]


def _node(case: Case, verdict: Verdict) -> Place:
    return Place("node", case.snapshot.pods[verdict.pod].spec.node_name)


def _sighted(case: Case) -> list[Hop]:
    return [hop for hop in case.run.hops if hop.matched_by and hop.direction == "original"]


def _let_pass(case: Case, verdict: Verdict) -> bool:
    """Whether the packet got beyond the place where this would be enforced."""
    if case.run.verdict == "delivered":
        return True
    own, node = pod_place(verdict.pod), _node(case, verdict)
    if verdict.direction == "Ingress":
        refused = next((hop for hop in case.run.hops if "rejected" in hop.actions), None)
        from_beyond = refused is not None and at(refused.place) == node and refused.way == "in"
        return from_beyond or any(at(hop.place) == own and hop.way == "in" for hop in _sighted(case))
    return any(at(hop.place) not in (own, node) for hop in _sighted(case))


def _near(case: Case, verdict: Verdict) -> bool:
    """Whether it was last seen where this is enforced, or nobody could look there."""
    node = _node(case, verdict)
    seen = _sighted(case)
    return not seen or node not in case.owned or at(seen[-1].place) in (node, pod_place(verdict.pod))


def _named(case: Case, code: str, verdict: Verdict) -> Cause:
    told = words(verdict) + _service_port(case, verdict)
    who = enforced(case.snapshot, verdict)
    if code == "POL303":
        told += f" ({who}, and let it pass)" if who else " (nothing that would enforce it is seen there)"
    elif verdict.answer == "unknown":
        told += " (in doubt)"
    elif who:
        told += f" ({who})"
    return cause(CODES, code, _node(case, verdict), told)


def _service_port(case: Case, verdict: Verdict) -> str:
    """A rule that names the Service's port where it should name the pod's."""
    port = case.target.port
    if port is None:
        return ""
    for key in verdict.policies:
        policy = case.snapshot.of("NetworkPolicy").get(key)
        if isinstance(policy, NetworkPolicy):
            for _, ports in rules_of(policy, verdict.direction):
                if any(each.port == port.port for each in ports) and verdict.answer == "denied":
                    return f"; {port.port} is the Service's port, a policy means the pod's"
    return ""
