"""The rules by which a node of the lab enforces NetworkPolicies: a complete `nft -f` script for one table.

Theory of operation
1. What is forwarded to or from a pod of this node passes the hook `forward` once: after DNAT, so with the
   pod's address and port, and before masquerade. What the node itself sends or gets is not forwarded.
2. Answers pass, and what a pod sends to itself. A pod that is isolated in a direction has a chain for it: a
   rule returns for everything that a policy allows, and the last one drops.
3. Selectors become the addresses of the pods that they select now: the script is made anew with every change.
   Pods on the host network have no chains, and no selector stands for them.

Source: networking/v1 types.go; how kube-router and kube-network-policies place their rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network
from typing import NamedTuple

from kinspect.lab.proxy.world import ipv4_addresses
from kinspect.lab.selectors import LabelTest, label_selector_test
from kinspect.model.node import Namespace
from kinspect.model.pod import LabelSelector, Pod
from kinspect.model.policy import IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort

TABLE = "ip network-policies"
_PROTOCOLS = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}
_PORTS = range(65_536)


class Direction(NamedTuple):
    """`side` is the field that has the peer's address, `own` the one that has the pod's."""

    type: str
    side: str
    own: str


INGRESS = Direction("Ingress", "saddr", "daddr")
EGRESS = Direction("Egress", "daddr", "saddr")


class Rules:
    """Renders the rules of any node from the objects of one moment."""

    def __init__(
        self, policies: Iterable[NetworkPolicy], pods: Iterable[Pod], namespaces: Iterable[Namespace]
    ) -> None:
        self._policies = tuple(policies)
        self._labels = {each.name: each.metadata.labels for each in namespaces}
        live = ((each, _address(each)) for each in pods if not each.spec.host_network and not each.terminal)
        self._pods = [(pod, address) for pod, address in live if address]

    def script(self, node: str) -> str:
        """What is to be loaded on this node; it replaces what was loaded there before."""
        chain = f"add chain {TABLE} forward {{ type filter hook forward priority filter - 5 ; }}"
        lines = [f"add table {TABLE}", f"delete table {TABLE}", f"add table {TABLE}", chain]
        jumps = [f"add rule {TABLE} forward ct state established,related accept"]
        for pod, address in self._pods:
            if pod.spec.node_name != node:
                continue
            jumps.append(f"add rule {TABLE} forward ip saddr {address} ip daddr {address} accept")
            for direction in (INGRESS, EGRESS):
                isolating = [each for each in self._policies if _isolates(each, pod, direction)]
                if isolating:
                    name = f"{direction.type.lower()}-{address}"
                    allowed = dict.fromkeys(self._allowed(isolating, pod, direction))
                    lines.append(f"add chain {TABLE} {name}")
                    lines += [f"add rule {TABLE} {name} {match} return" for match in allowed]
                    lines.append(f"add rule {TABLE} {name} drop")
                    jumps.append(f"add rule {TABLE} forward ip {direction.own} {address} jump {name}")
        return "\n".join((*lines, *jumps, ""))

    def _allowed(self, policies: list[NetworkPolicy], pod: Pod, direction: Direction) -> Iterator[str]:
        """A match for everything that these policies allow."""
        for policy in policies:
            for peers, ports in _rules(policy, direction):
                wheres = [each for peer in peers for each in self._peer(peer, policy.namespace, direction)]
                which = [each for port in ports for each in self._port(port, pod, direction)]
                for where in wheres if peers else [""]:
                    for port in which if ports else [""]:
                        yield f"{where} {port}".strip()

    def _peer(self, peer: NetworkPolicyPeer, namespace: str, direction: Direction) -> Iterator[str]:
        """Matches of the addresses that a peer stands for."""
        if peer.ip_block is not None:
            yield from _block(peer.ip_block, direction)
        elif peer.pod_selector is not None or peer.namespace_selector is not None:
            own = peer.namespace_selector is None
            selects_namespace = _test(peer.namespace_selector or LabelSelector())
            selects = _test(peer.pod_selector or LabelSelector())
            yield from _among(
                direction,
                (
                    address
                    for pod, address in self._pods
                    if selects(pod.metadata.labels)
                    and (pod.namespace == namespace if own else selects_namespace(self._of(pod.namespace)))
                ),
            )

    def _of(self, namespace: str) -> dict[str, str]:
        return self._labels.get(namespace, {})

    def _port(self, port: NetworkPolicyPort, pod: Pod, direction: Direction) -> Iterator[str]:
        """Matches of a port. A name means the pod that is called: this one, or any that has the name."""
        protocol = _PROTOCOLS.get(port.protocol)
        if protocol is None:
            return
        if port.port is None:
            yield f"meta l4proto {protocol}"
        elif isinstance(port.port, int):
            last = port.port if port.end_port is None else port.end_port
            if port.port in _PORTS and last in _PORTS and port.port <= last:
                yield f"{protocol} dport {port.port}-{last}" if last > port.port else _dport(protocol, last)
        elif direction is INGRESS:
            yield from (_dport(protocol, number) for number in _named(pod, port))
        else:
            having: dict[int, list[str]] = {}
            for each, address in self._pods:
                for number in _named(each, port):
                    having.setdefault(number, []).append(address)
            for number, addresses in having.items():
                for where in _among(direction, addresses):
                    yield f"{where} {_dport(protocol, number)}"


def _dport(protocol: str, number: int) -> str:
    return f"{protocol} dport {number}"


def _rules(
    policy: NetworkPolicy, direction: Direction
) -> list[tuple[tuple[NetworkPolicyPeer, ...], tuple[NetworkPolicyPort, ...]]]:
    if direction is INGRESS:
        return [(rule.from_, rule.ports) for rule in policy.spec.ingress]
    return [(rule.to, rule.ports) for rule in policy.spec.egress]


def _isolates(policy: NetworkPolicy, pod: Pod, direction: Direction) -> bool:
    """The API server has written the types into every policy."""
    here = policy.namespace == pod.namespace and direction.type in policy.spec.policy_types
    return here and _test(policy.spec.pod_selector)(pod.metadata.labels)


def _test(selector: LabelSelector) -> LabelTest:
    expressions = [
        {"key": each.key, "operator": each.operator, "values": each.values}
        for each in selector.match_expressions
    ]
    return label_selector_test({"matchLabels": selector.match_labels, "matchExpressions": expressions})


def _among(direction: Direction, addresses: Iterable[str]) -> Iterator[str]:
    told = ", ".join(addresses)
    if told:
        yield f"ip {direction.side} {{ {told} }}"


def _block(block: IPBlock, direction: Direction) -> Iterator[str]:
    """Nothing for a block of IPv6: no such packet is here."""
    try:
        networks = [IPv4Network(each, strict=False) for each in (block.cidr, *block.except_)]
    except ValueError:
        return
    parts = [f"ip {direction.side} {networks[0]}"]
    parts += [f"ip {direction.side} != {each}" for each in networks[1:]]
    yield " ".join(parts)


def _named(pod: Pod, port: NetworkPolicyPort) -> list[int]:
    """The numbers that a port name has on a pod."""
    return [
        each.container_port
        for container in pod.spec.serving_containers
        for each in container.ports
        if (each.name, each.protocol) == (port.port, port.protocol) and each.container_port in _PORTS
    ]


def _address(pod: Pod) -> str:
    return next(iter(ipv4_addresses(pod.ips)), "")
