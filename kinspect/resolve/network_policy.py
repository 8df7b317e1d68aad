"""What the NetworkPolicies say of one connection: allowed, denied or unknown, and which rule decides.

Theory of operation (networking/v1 types.go, NetworkPolicySpec; the Network Policies page of Kubernetes):

1. A connection is judged as it is after DNAT: a policy means the pod's port, never the Service's, and the
   pod's address, never a cluster IP. It is judged twice, as egress of the pod that sends it and as ingress
   of the pod that gets it, and passes if both allow it. Answers belong to what they answer.
2. A pod that no policy of its namespace selects for a direction is open in that direction. Any other is
   isolated: only what one rule of one of those policies allows may pass. There is no deny and no order. A
   rule allows what matches one of its peers and one of its ports; a list that is empty matches everything.
3. `policyTypes` says for which directions a policy selects. Not written, it is Ingress, and Egress if there
   are egress rules.
4. A port is a number, a range up to `endPort`, or a name, which is looked up on the pod that is called.
5. A pod is never kept from itself, nor from what its own node sends it. Whether it may be kept from calling
   its own node, and whether a pod on the host network is isolated at all, is left open: unknown.
6. Masquerade may give the source another face at the destination. Each face that it may have is judged; if
   they are not judged alike, nobody can tell.

Limits: whether anything enforces policies is not asked here (`policy_engine`). Policies of other kinds, those
of one engine and ClusterNetworkPolicy, are not read: they may allow or deny beside these.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, cast

from kinspect.model.meta import Fact, Key
from kinspect.model.pod import Pod
from kinspect.model.policy import NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.label_selector import matches
from kinspect.resolve.policy_peers import Held, Party, all_of, any_of, stands_for

Direction = Literal["Ingress", "Egress"]
Answer = Literal["allowed", "denied", "unknown"]

Rule = tuple[tuple[NetworkPolicyPeer, ...], tuple[NetworkPolicyPort, ...]]
"""(peers, ports) of a rule, whatever its direction."""

Selecting = Sequence[tuple[NetworkPolicy, bool]]
"""Policies that isolate a pod, and whether they surely do."""


class Connection(Fact, frozen=True):
    """A connection after DNAT. `faces`: as whom the destination may see its source; () = as it is."""

    source: Party
    destination: Party
    port: int
    protocol: str = "TCP"
    faces: tuple[Party, ...] = ()


class Miss(Fact, frozen=True):
    """A rule that does not allow a connection, or that may not: the field that decides, and why."""

    policy: Key
    field: str
    why: str


class Verdict(Fact, frozen=True):
    """What the policies say of one direction at one pod.

    `policies` isolate the pod: where there are none, nothing denies. `rule` is the one that allows
    ("shop/web spec.ingress[0]", "" = none is needed, or none does); `misses` are those that do not.
    """

    direction: Direction
    pod: Key
    answer: Answer
    because: str
    policies: tuple[Key, ...] = ()
    rule: str = ""
    misses: tuple[Miss, ...] = ()


def verdicts(snapshot: Snapshot, connection: Connection) -> tuple[Verdict, ...]:
    """What is said at its source, then at its destination; an end that is no known pod says nothing."""
    both = (egress(snapshot, connection), ingress(snapshot, connection))
    return tuple(each for each in both if each is not None)


def egress(snapshot: Snapshot, connection: Connection) -> Verdict | None:
    """What is said at its source; None = it is no known pod."""
    pod = snapshot.pods.get(connection.source.pod) if connection.source.pod else None
    return _judged(snapshot, pod, "Egress", connection, connection.destination) if pod else None


def ingress(snapshot: Snapshot, connection: Connection) -> Verdict | None:
    """What is said at its destination, to each face of its source; None = it is no known pod."""
    pod = snapshot.pods.get(connection.destination.pod) if connection.destination.pod else None
    if pod is None:
        return None
    faces = connection.faces or (connection.source,)
    return _agreed(faces, [_judged(snapshot, pod, "Ingress", connection, face) for face in faces])


def types_of(policy: NetworkPolicy) -> tuple[str, ...]:
    """The directions for which it selects pods (point 3)."""
    written = policy.spec.policy_types
    return written or (("Ingress", "Egress") if policy.spec.egress else ("Ingress",))


def rules_of(policy: NetworkPolicy, direction: Direction) -> tuple[Rule, ...]:
    if direction == "Ingress":
        return tuple((rule.from_, rule.ports) for rule in policy.spec.ingress)
    return tuple((rule.to, rule.ports) for rule in policy.spec.egress)


def selecting(snapshot: Snapshot, pod: Pod, direction: Direction) -> Iterator[tuple[NetworkPolicy, bool]]:
    """The policies that isolate a pod, by name, and whether they surely do."""
    of_namespace = [key for key in snapshot.of("NetworkPolicy") if key.namespace == pod.namespace]
    for key in sorted(of_namespace):
        policy = cast(NetworkPolicy, snapshot.of("NetworkPolicy")[key])
        if direction in types_of(policy):
            answer = matches(policy.spec.pod_selector, pod.metadata.labels)
            if answer is not False:
                yield policy, answer is True


def _judged(
    snapshot: Snapshot, pod: Pod, direction: Direction, connection: Connection, other: Party
) -> Verdict:
    """The verdict at one pod, whose other end is seen as `other`."""
    found = list(selecting(snapshot, pod, direction))
    policies = tuple(policy.key for policy, _ in found)
    exempt = _exempt(pod, direction, other)
    if exempt:
        return Verdict(direction, pod.key, "allowed", exempt, policies)
    held = [
        (policy.key, surely, field, held)
        for policy, surely in found
        for field, held in _held(snapshot, policy, direction, connection, other)
    ]
    allowing = [f"{key.namespace}/{key.name} {field}" for key, sure, field, each in held if sure and each[0]]
    if allowing and not pod.spec.host_network:
        because = f"NetworkPolicy {allowing[0]} allows it"
        return Verdict(direction, pod.key, "allowed", because, policies, allowing[0])
    misses = tuple(Miss(key, field, each.why) for key, _, field, each in held if each.answer is False)
    doubts = [each.why for _, _, _, each in held if each.answer is None]
    doubts += _doubts(snapshot, pod, direction, other, found)
    if doubts:
        because = "; ".join(dict.fromkeys(doubts))
        return Verdict(direction, pod.key, "unknown", because, policies, "", misses)
    if policies:
        because = f"{_names(found)} its {direction.lower()}, and no rule allows this"
        return Verdict(direction, pod.key, "denied", because, policies, "", misses)
    return Verdict(direction, pod.key, "allowed", f"no NetworkPolicy selects it for {direction.lower()}")


def _doubts(
    snapshot: Snapshot, pod: Pod, direction: Direction, other: Party, found: Selecting
) -> Iterator[str]:
    """Why more may be allowed than the known rules say, or less."""
    for policy, surely in found:
        if not surely:
            yield f"whether {_name(policy)} selects it is not known"
    if not snapshot.covers("NetworkPolicy", pod.namespace):
        coverage = snapshot.coverage_of("NetworkPolicy")
        words = f"{coverage.state}: {coverage.reason}" if coverage.reason else coverage.state
        yield f"the NetworkPolicies of {pod.namespace} are not known ({words})"
    if found and pod.spec.host_network:
        yield "it is on the host network, which each policy engine treats in its own way"
    if found and direction == "Egress" and other.node and other.node == pod.spec.node_name:
        yield "not every policy engine keeps a pod from calling its own node"


def _exempt(pod: Pod, direction: Direction, other: Party) -> str:
    """Why no policy can keep this connection from the pod (point 5); "" = one can."""
    if other.pod == pod.key:
        return "no policy keeps a pod from itself"
    if direction == "Ingress" and other.node and other.node == pod.spec.node_name:
        return "no policy keeps a pod from what its own node sends"
    return ""


def _held(
    snapshot: Snapshot, policy: NetworkPolicy, direction: Direction, connection: Connection, other: Party
) -> Iterator[tuple[str, Held]]:
    """Each rule by its field, and whether it allows the connection; a policy without rules allows nothing."""
    field = f"spec.{direction.lower()}"
    rules = rules_of(policy, direction)
    if not rules:
        yield field, Held(False, f"it has no rules, and policyTypes names {' and '.join(types_of(policy))}")
    called = snapshot.pods.get(connection.destination.pod) if connection.destination.pod else None
    for number, (peers, ports) in enumerate(rules):
        peer = any_of(stands_for(snapshot, policy.namespace, each, other) for each in peers)
        port = any_of(_is_port(each, connection, called) for each in ports)
        parts = [part for part, given in ((peer, peers), (port, ports)) if given]
        yield f"{field}[{number}]", all_of(parts)


def _is_port(rule: NetworkPolicyPort, connection: Connection, called: Pod | None) -> Held:
    """Whether a rule's port is the connection's (point 4)."""
    protocol = rule.protocol or "TCP"
    number = connection.port
    asked = f"{number}/{connection.protocol}"
    if rule.port is None:
        return Held(protocol == connection.protocol, f"it allows {protocol}, not {asked}")
    if isinstance(rule.port, int):
        last = rule.port if rule.end_port is None else rule.end_port
        fits = protocol == connection.protocol and rule.port <= number <= last
        return Held(fits, f"it allows {port_words(rule)}, not {asked}")
    if called is None:
        return Held(False, f"it allows the port named {rule.port}, and no pod is called that could have one")
    numbers = {
        each.container_port
        for container in called.spec.serving_containers
        for each in container.ports
        if each.name == rule.port and (each.protocol or "TCP") == protocol
    }
    means = "/".join(str(each) for each in sorted(numbers)) or "nothing"
    fits = protocol == connection.protocol and number in numbers
    return Held(fits, f"it allows {port_words(rule)}, which is {means} on {called.name}, not {asked}")


def port_words(port: NetworkPolicyPort) -> str:
    """A port of a rule: "8080/TCP", "8000-8100/TCP", "http/TCP" by name, or "TCP" alone."""
    protocol = port.protocol or "TCP"
    if port.port is None:
        return protocol
    last = f"-{port.end_port}" if port.end_port is not None else ""
    return f"{port.port}{last}/{protocol}"


def _agreed(faces: Sequence[Party], found: Sequence[Verdict]) -> Verdict:
    """The one verdict of all faces; unknown where they are not judged alike."""
    first = found[0]
    if all(each.answer == first.answer for each in found):
        return first
    readings = [f"seen as {face} it is {each.answer}" for face, each in zip(faces, found, strict=True)]
    misses = tuple(dict.fromkeys(miss for each in found for miss in each.misses))
    because = f"{', '.join(dict.fromkeys(readings))}: masquerade decides as whom it is seen"
    return Verdict(first.direction, first.pod, "unknown", because, first.policies, "", misses)


def _name(policy: NetworkPolicy) -> str:
    return f"NetworkPolicy {policy.namespace}/{policy.name}"


def _names(found: Selecting) -> str:
    """Who isolates, as the beginning of a sentence."""
    if len(found) == 1:
        return f"{_name(found[0][0])} isolates"
    names = ", ".join(f"{policy.namespace}/{policy.name}" for policy, _ in found)
    return f"NetworkPolicies {names} isolate"
