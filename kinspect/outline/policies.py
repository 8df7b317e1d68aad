"""Who may reach a pod, and whom it may reach, as the NetworkPolicies say that select it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinspect.model.pod import Pod
from kinspect.model.policy import NetworkPolicy
from kinspect.model.snapshot import Snapshot
from kinspect.outline.rows import Span
from kinspect.outline.sections import Section, Words, labelled
from kinspect.resolve.network_policy import Direction, Rule, port_words, rules_of, selecting
from kinspect.resolve.policy_engine import engine_on
from kinspect.resolve.policy_peers import peer_text


def of_pod(snapshot: Snapshot, pod: Pod) -> Iterator[Section]:
    """A section for each direction in which the pod is isolated, or may be."""
    titles: dict[Direction, str] = {
        "Ingress": "Who may reach it (NetworkPolicy)",
        "Egress": "Whom it may reach (NetworkPolicy)",
    }
    for direction, title in titles.items():
        lines = list(_of_pods(snapshot, [pod], direction))
        if lines and pod.spec.host_network:
            lines.append(
                (Span("it is on the host network: each policy engine sees to that itself", "unknown"),)
            )
        elif lines and pod.spec.node_name:
            engine = engine_on(snapshot, pod.spec.node_name)
            known = labelled("enforced by", engine) if engine else labelled("enforced by", _NOBODY, "unknown")
            lines.append(known)
        yield Section(title, (*lines, *_unread(snapshot, pod.namespace)))


_NOBODY = "nothing that is known here"


def of_pods(snapshot: Snapshot, pods: Sequence[Pod]) -> Section:
    """Who may reach the pods of a Service."""
    lines = tuple(_of_pods(snapshot, pods, "Ingress")) if pods else ()
    unread = _unread(snapshot, pods[0].namespace) if pods else ()
    return Section("Who may reach its pods (NetworkPolicy)", (*lines, *unread))


def _of_pods(snapshot: Snapshot, pods: Sequence[Pod], direction: Direction) -> Iterator[Words]:
    """A line for every rule of the policies that select any of these pods; none where none does."""
    isolating: dict[str, tuple[NetworkPolicy, int]] = {}
    isolated = 0
    for pod in pods:
        found = [policy for policy, _ in selecting(snapshot, pod, direction)]
        isolated += bool(found)
        for policy in found:
            isolating[policy.name] = policy, isolating.get(policy.name, (policy, 0))[1] + 1
    for name, (policy, count) in sorted(isolating.items()):
        of = f"{name} ({count} of {len(pods)} pods)" if count < len(pods) else name
        for text in _allowed(policy, direction):
            yield labelled(of, text)
    if isolating and isolated < len(pods):
        yield labelled(f"{len(pods) - isolated} of {len(pods)} pods", "everybody: no policy selects them")


def _allowed(policy: NetworkPolicy, direction: Direction) -> list[str]:
    rules = rules_of(policy, direction)
    return [_rule_text(policy.namespace, rule) for rule in rules] or ["nobody: it has no rules"]


def _rule_text(namespace: str, rule: Rule) -> str:
    peers, ports = rule
    who = " or ".join(peer_text(namespace, each) for each in peers) or "everybody"
    return f"{who}, on {', '.join(map(port_words, ports))}" if ports else who


def _unread(snapshot: Snapshot, namespace: str) -> tuple[Words, ...]:
    """That policies could not be read. Of a file that has none, nothing is said."""
    coverage = snapshot.coverage_of("NetworkPolicy")
    if snapshot.covers("NetworkPolicy", namespace) or coverage.state == "not given":
        return ()
    return ((Span(f"the NetworkPolicies of {namespace} are not known: {coverage.state}", "unknown"),),)
