"""One peer of a NetworkPolicy and one end of a connection: whether the one stands for the other, and why not.

Theory of operation (networking/v1 types.go, NetworkPolicyPeer; the Network Policies page of Kubernetes):

1. Selectors stand for pods of the pod network: `podSelector` alone for those of the policy's own namespace,
   `namespaceSelector` alone for all pods of such namespaces, both in one peer for what both select. The API
   server labels every namespace with its own name.
2. An address is a node's, a pod's, or a stranger's, and strangers are selected by `ipBlock` only. A pod on
   the host network is seen with its node's address: whether a selector stands for it is left open.
3. An `ipBlock` is meant for strangers. It holds a node's address as any other; whether it also stands for a
   pod whose address it holds differs from engine to engine.
4. Everything that is left open, or that could not be read, is None: neither yes nor no.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import NamedTuple

from kinspect.model.index import EMPTY
from kinspect.model.meta import Fact, Key
from kinspect.model.pod import LabelSelector, Pod
from kinspect.model.policy import IPBlock, NetworkPolicyPeer
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.addresses import parse_address
from kinspect.resolve.label_selector import keys_of, matches, selector_text

NAMESPACE_NAME = "kubernetes.io/metadata.name"
_OPEN = "which Kubernetes leaves to each policy engine"


class Party(Fact, frozen=True):
    """One end of a connection, as whoever enforces policies sees it.

    `node`: it has an address of this node, as hostNetwork pods have; "" = of none. `pod` None = no pod that
    is known. `addresses` () = not known; several = it has one of these.
    """

    pod: Key | None = None
    node: str = ""
    addresses: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.pod is not None:
            return f"pod {self.pod.namespace}/{self.pod.name}"
        if self.node:
            return f"node {self.node}"
        return self.addresses[0] if len(self.addresses) == 1 else "an address that is not known"


class Held(NamedTuple):
    """Whether something holds, and in words why it does not, or why nobody can tell (None)."""

    answer: bool | None
    why: str = ""


def any_of(parts: Iterable[Held]) -> Held:
    """Holds where one part does; else not known where one part is not."""
    told = list(parts)
    answers = [each.answer for each in told]
    answer = True if True in answers else None if None in answers else False
    why = dict.fromkeys(each.why for each in told if each.answer is answer)
    return Held(answer, "" if answer else "; ".join(why))


def all_of(parts: Iterable[Held]) -> Held:
    """Holds where all parts do; does not where one part does not."""
    told = list(parts)
    answers = [each.answer for each in told]
    answer = False if False in answers else None if None in answers else True
    return Held(answer, "; ".join(each.why for each in told if each.answer is answer and each.why))


def party_of_pod(pod: Pod) -> Party:
    return Party(pod.key, pod.spec.node_name if pod.spec.host_network else "", pod.ips)


def party_at(snapshot: Snapshot, address: str) -> Party:
    """Whose an address is: a live pod's of the pod network, a node's, or a stranger's."""
    live = [
        key
        for key in snapshot.index.pods_by_ip.get(address, EMPTY)
        if not (snapshot.pods[key].terminal or snapshot.pods[key].spec.host_network)
    ]
    if len(live) == 1:
        return party_of_pod(snapshot.pods[live[0]])
    node = next((each.name for each in snapshot.index.nodes_by_ip.get(address, EMPTY)), "")
    return Party(None, node, (address,))


def stands_for(snapshot: Snapshot, namespace: str, peer: NetworkPolicyPeer, party: Party) -> Held:
    """Whether this peer of a policy of this namespace stands for the party."""
    if peer.ip_block is not None:
        return _in_block(peer.ip_block, party)
    if peer.pod_selector is None and peer.namespace_selector is None:
        return Held(None, "a peer has no field that is known here")
    pods: list[Key] = [party.pod] if party.pod is not None else []
    if party.node:
        # Whoever sends from there: each of its hostNetwork pods looks like the node, and like each other.
        on_node = snapshot.index.pods_by_node.get(party.node, EMPTY)
        pods = [key for key in on_node if _sends_as_its_node(snapshot.pods[key])]
    if not pods and not party.node and not (party.addresses and snapshot.covers("Pod")):
        return Held(None, f"whether {party} is a pod's is not known")
    if not pods:
        return Held(False, f"{_peer_text(namespace, peer)} selects no address of {_kind(party)}")
    told = any_of(_selects(snapshot, namespace, peer, snapshot.pods[key]) for key in pods)
    if not party.node:
        return told
    if told.answer is False:
        return Held(False, f"{_peer_text(namespace, peer)} selects no address of {_kind(party)}")
    return Held(None, f"{_peer_text(namespace, peer)} selects a hostNetwork pod of {party.node}, {_OPEN}")


def _sends_as_its_node(pod: Pod) -> bool:
    return pod.spec.host_network and not pod.terminal


def _kind(party: Party) -> str:
    return f"a node ({party.node})" if party.node else f"a stranger ({party})"


def _selects(snapshot: Snapshot, namespace: str, peer: NetworkPolicyPeer, pod: Pod) -> Held:
    parts: list[bool | None] = []
    if peer.namespace_selector is None:
        parts.append(pod.namespace == namespace)
    else:
        parts.append(_selects_namespace(snapshot, peer.namespace_selector, pod.namespace))
    if peer.pod_selector is not None:
        parts.append(matches(peer.pod_selector, pod.metadata.labels))
    words = _peer_text(namespace, peer)
    whom = f"pod {pod.namespace}/{pod.name}"
    if False in parts:
        return Held(False, f"{words} does not select {whom}")
    if None in parts:
        return Held(None, f"whether {words} selects {whom} is not known")
    return Held(True)


def _selects_namespace(snapshot: Snapshot, selector: LabelSelector, name: str) -> bool | None:
    found = snapshot.namespaces.get(Key("", name))
    if found is None and keys_of(selector) - {NAMESPACE_NAME}:
        return None
    return matches(selector, {**(found.metadata.labels if found else {}), NAMESPACE_NAME: name})


def _in_block(block: IPBlock, party: Party) -> Held:
    words = f"ipBlock {_block_text(block)}"
    inside = [_holds(block, each) for each in party.addresses]
    if not inside or None in inside or len(set(inside)) > 1:
        return Held(None, f"whether {words} holds {party} is not known")
    if not inside[0]:
        return Held(False, f"{words} does not hold {', '.join(party.addresses)}")
    if party.pod is not None and not party.node:
        return Held(None, f"{words} holds the address of {party}, {_OPEN}")
    return Held(True)


def _holds(block: IPBlock, address: str) -> bool | None:
    """None = it cannot be read as networks and an address."""
    parsed = parse_address(address)
    try:
        networks = [ip_network(each, strict=False) for each in (block.cidr, *block.except_)]
    except ValueError:
        return None
    if parsed is None:
        return None
    return parsed in networks[0] and not any(parsed in each for each in networks[1:])


def peer_text(namespace: str, peer: NetworkPolicyPeer) -> str:
    """A peer in words: whom it stands for."""
    if peer.ip_block is not None:
        return f"addresses in {_block_text(peer.ip_block)}"
    if peer.namespace_selector is None:
        where = f"namespace {namespace}"
    else:
        chosen = selector_text(peer.namespace_selector)
        where = f"namespaces with {chosen}" if chosen else "any namespace"
    which = selector_text(peer.pod_selector) if peer.pod_selector else ""
    return f"pods with {which} in {where}" if which else f"all pods of {where}"


def _peer_text(namespace: str, peer: NetworkPolicyPeer) -> str:
    return f"“{peer_text(namespace, peer)}”"


def _block_text(block: IPBlock) -> str:
    return f"{block.cidr} except {' '.join(block.except_)}" if block.except_ else block.cidr
