"""Which backends a service proxy chooses from, for one connection at one node, and why.

Theory of operation (kube-proxy pkg/proxy/topology.go, CategorizeEndpoints; KEP-1669, KEP-2086, KEP-2433):

1. A connection meets the proxy on one node. Internal traffic is to a cluster IP and obeys
   internalTrafficPolicy; external traffic is to a node port, an external IP or a balancer's address of mode
   VIP, and obeys externalTrafficPolicy. Each address family is chosen for by itself.
2. The *cluster set* is every ready backend that the topology hints allow here; if that is empty, every
   backend that still serves while it terminates, whatever the hints.
3. The *local set* is every ready backend on this node; if that is empty, those on this node that still serve
   while they terminate. The two sets fall back independently.
4. Hints are read only among ready backends. If all of them are hinted for nodes and one for this node, those
   for this node are taken; else if all are hinted for zones and one for this zone, those for this zone; else
   hints are ignored. One ready backend without a hint switches them off.
5. Policy Local takes the local set, and with external traffic the client's address stays as it is. But what
   comes from a pod or from a process of the node itself short-circuits: it gets the cluster set. A pod is
   only known as one where the proxy can tell pods' addresses (its detectLocalMode). Policy Cluster takes the
   cluster set, and external traffic gets the node's address as its source (masquerade). Internal traffic
   does so only if its source is surely no pod.
6. An empty choice is *refused* at once if no backend at all is usable, and *silent* (dropped) if there are
   some, only not here. That difference tells the policy from the outage.

Limits: session affinity chooses within the set and is not asked here. In iptables mode a process on the node
that calls an external IP without backends is not refused: its packet leaves by the route.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from kinspect.model.meta import Fact
from kinspect.model.service import Service
from kinspect.resolve.backends import Backend

Traffic = Literal["internal", "external"]
Origin = Literal["pod", "node", "outside"]
Outcome = Literal["backends", "refused", "silent"]
Scope = Literal["cluster", "local"]
Reason = Literal[
    "ready",
    "hinted for this node",
    "hinted for this zone",
    "only terminating ones are left",
    "ready on this node",
    "only terminating ones are left on this node",
    "none usable anywhere",
    "none usable on this node",
]


class Client(Fact, frozen=True):
    """The node where the connection meets the proxy, and where it comes from, seen from that node.

    `origin` "pod" = a pod on this node; "node" = a process on it, or a hostNetwork pod; "outside" = anything
    that arrives by the network, also from another node. `zone` None = the node has no zone label.
    """

    node: str
    zone: str | None = None
    origin: Origin = "pod"


class Choice(Fact, frozen=True):
    """What the proxy does with the connection. `backends` are equally likely; () unless that is the outcome.

    `field` is the deciding field of the Service, "" when its endpoints alone decide. `masquerade` tells
    whether the backend sees an address of the node in place of the client's (hairpins aside).
    """

    outcome: Outcome
    backends: tuple[Backend, ...]
    scope: Scope
    reason: Reason
    field: str
    because: str
    masquerade: bool


def choose(
    service: Service,
    backends: Sequence[Backend],
    client: Client,
    traffic: Traffic = "internal",
    family: Literal["IPv4", "IPv6"] = "IPv4",
    tells_pods: bool = True,
) -> Choice:
    """The choice for one Service port, whose backends these are. `tells_pods`: point 5 of the theory."""
    usable = [each for each in backends if each.address_type == family]
    scope, field, why = _scope(service, client, traffic, tells_pods)
    if scope == "cluster":
        chosen, reason = cluster_set(usable, client.node, client.zone)
    else:
        chosen, reason = local_set(usable, client.node)
    outcome: Outcome = "backends"
    if not chosen:
        anywhere = any(each.ready or each.fallback for each in usable)
        outcome, reason = (
            ("silent", "none usable on this node") if anywhere else ("refused", "none usable anywhere")
        )
    return Choice(
        outcome,
        tuple(chosen),
        scope,
        reason,
        field if scope == "local" else "",
        f"{why}; {_HOW[outcome]}{reason}",
        _masquerades(service, client, traffic, tells_pods),
    )


def cluster_set(backends: Sequence[Backend], node: str, zone: str | None) -> tuple[list[Backend], Reason]:
    """The backends for policy Cluster at this node (points 2 and 4)."""
    ready = [each for each in backends if each.ready]
    if not ready:
        return [each for each in backends if each.fallback], "only terminating ones are left"
    here = [each for each in ready if node in nodes_hinted(each)]
    if here and all(nodes_hinted(each) for each in ready):
        return here, "hinted for this node"
    near = [each for each in ready if zone is not None and zone in zones_hinted(each)]
    if near and all(zones_hinted(each) for each in ready):
        return near, "hinted for this zone"
    return ready, "ready"


def local_set(backends: Sequence[Backend], node: str) -> tuple[list[Backend], Reason]:
    """The backends for policy Local at this node (point 3)."""
    local = [each for each in backends if each.node == node]
    ready = [each for each in local if each.ready]
    if ready:
        return ready, "ready on this node"
    return [each for each in local if each.fallback], "only terminating ones are left on this node"


def zones_hinted(backend: Backend) -> tuple[str, ...]:
    """The zones that this backend is meant for; () = no hint."""
    return tuple(each.name for each in backend.hints.for_zones) if backend.hints else ()


def nodes_hinted(backend: Backend) -> tuple[str, ...]:
    """The nodes that this backend is meant for; () = no hint."""
    return tuple(each.name for each in backend.hints.for_nodes) if backend.hints else ()


def is_local(service: Service, traffic: Traffic) -> bool:
    """Whether the policy for this traffic is Local. Not written means Cluster."""
    spec = service.spec
    policy = spec.internal_traffic_policy if traffic == "internal" else spec.external_traffic_policy
    return policy == "Local"


_FIELD = {"internal": "spec.internalTrafficPolicy", "external": "spec.externalTrafficPolicy"}
_HOW = {"backends": "", "refused": "refused: ", "silent": "dropped without an answer: "}


def _scope(service: Service, client: Client, traffic: Traffic, tells_pods: bool) -> tuple[Scope, str, str]:
    """(scope, deciding field, in words)."""
    field = _FIELD[traffic]
    if not is_local(service, traffic):
        return "cluster", field, f"{field} is Cluster"
    if traffic == "external" and client.origin == "node":
        return "cluster", field, f"{field} is Local, but the node's own traffic short-circuits"
    if traffic == "external" and client.origin == "pod" and tells_pods:
        return "cluster", field, f"{field} is Local, but traffic of this node's pods short-circuits"
    return "local", field, f"{field} is Local"


def _masquerades(service: Service, client: Client, traffic: Traffic, tells_pods: bool) -> bool:
    """Whether the node puts its own address in place of the client's."""
    if traffic == "internal":
        return tells_pods and client.origin != "pod"
    return not is_local(service, "external") or client.origin == "node"
