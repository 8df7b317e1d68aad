"""Which places the marked packet should visit, from declared state alone, and why.

Theory of operation:

1. Translation happens once, at the *meeting*: the first node of the cluster that handles a packet to a
   Service. For a pod that is its own node, for a node itself, for everybody else the node whose address it
   calls. A balancer's or external IP is routed to some node: each is an alternative until the packet is seen,
   but nodes whose healthCheckNodePort fails have no share. What a balancer of mode Proxy does is one, too,
   which calls a node port or a pod by itself.
2. There `resolve.traffic` chooses: a set of equally likely backends, a refusal, or silence. Each backend is
   one alternative. Nothing is predicted of which one it will be.
3. Masquerade puts an address of the meeting node in place of the client's: for external traffic under policy
   Cluster, for a pod that meets itself (hairpin, which shows on its way back in), and for traffic to a
   cluster IP from outside of the pod network *if* the proxy was told which that is: that is not to be seen
   in the API, so both are allowed.
4. Then the packet is routed: to a pod of the same node, or by the pod's node. What wraps it between nodes is
   not predicted. A hostNetwork pod is at its node.
5. The answer pays the same visits in reverse, and every translation is undone.

Source: the table of hops of kube-proxy's iptables and nftables modes, as seen on a real 1.36: pod to cluster
IP keeps the client's address, through a NodePort the backend sees an address of the node (of its bridge,
tunnel or link), under externalTrafficPolicy Local the client's own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Literal, NamedTuple

from kinspect.model.index import EMPTY
from kinspect.model.meta import Key
from kinspect.model.path import Action, Because
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import Backend, backends
from kinspect.resolve.traffic import Choice, Client, Origin, Traffic, choose
from kinspect.trace.hops import Owned
from kinspect.trace.onward import lives_at, pod_place, to_backend
from kinspect.trace.sighting import Place
from kinspect.trace.target import Target
from kinspect.trace.visit import ANY, End, Ends, Visit


class Vantage(NamedTuple):
    """Where the packet is sent from. `node` "" = outside of the cluster; `address` "" = not known."""

    place: Place
    address: str
    node: str


class _Passing(NamedTuple):
    """What stays the same for all backends of one meeting. `own`: the node's addresses, None = not asked."""

    vantage: Vantage
    meeting: Place
    traffic: Traffic
    own: frozenset[str] | None
    why: Because


Outcome = Literal["delivered", "refused", "silent", "unknown"]


class Alternative(NamedTuple):
    """One way that the packet may take, and its share of all. `backend` None = it leads to no Service's."""

    share: float
    outcome: Outcome
    backend: Backend | None
    visits: tuple[Visit, ...]
    because: str


def expect(snapshot: Snapshot, target: Target, vantage: Vantage, owned: Owned) -> tuple[Alternative, ...]:
    """The alternatives, in the order of their backends. `owned`: the addresses of places that were asked."""
    if target.service is None or target.port is None:
        return (_of_no_port(snapshot, target, vantage) or _straight(snapshot, target, vantage),)
    if target.traffic == "internal" and not vantage.node:
        ends = Ends(_end(vantage.address), End(frozenset({target.address}), target.number))
        sent = Visit("original", vantage.place, None, ends, ("sent",))
        return (Alternative(1.0, "unknown", None, (sent,), "nothing routes a cluster IP from outside"),)
    found: list[Alternative] = []
    nodes = _meetings(snapshot, target, vantage)
    healthy = _healthy(snapshot, target, nodes)
    for node in nodes:
        there = _at(snapshot, target, vantage, node, owned)
        found += there if node in healthy else (_spared(each, node) for each in there)
    if target.proxied:
        found += _direct(snapshot, target, vantage)
    if vantage.node and not target.proxied:
        found += _in_the_socket(snapshot, target, vantage)
    total = sum(each.share for each in found) or 1.0
    return tuple(each._replace(share=each.share / total) for each in found)


def _meetings(snapshot: Snapshot, target: Target, vantage: Vantage) -> list[str]:
    """The nodes where the packet may first meet a proxy."""
    assert target.port is not None
    outside = target.proxied or (target.node and target.node != vantage.node)
    if target.proxied and target.port.node_port is None:
        return []  # its balancer can only call pods
    if vantage.node and (target.traffic == "internal" or not outside):
        return [vantage.node]
    if target.node:
        return [target.node]
    return sorted(key.name for key in snapshot.nodes)


def _healthy(snapshot: Snapshot, target: Target, nodes: Sequence[str]) -> Collection[str]:
    """The nodes that a balancer uses which asks healthCheckNodePort: 503 = the node has no ready backend.

    Source: kube-proxy pkg/proxy/healthcheck/service_health.go; balancers that do not ask are told as such.
    """
    assert target.service is not None
    assert target.port is not None
    service = snapshot.services[target.service]
    if len(nodes) < 2 or not service.spec.health_check_node_port:
        return nodes
    balanced = {each.ip for each in service.status.load_balancer.ingress}
    own = {each.node for each in backends(snapshot, service, target.port) if each.ready and each.node}
    return (own & set(nodes) or nodes) if target.address in balanced else nodes


def _spared(alternative: Alternative, node: str) -> Alternative:
    because = f"the balancer called {node} though its health check fails there; {alternative.because}"
    return alternative._replace(share=0.0, because=because)


def _at(
    snapshot: Snapshot, target: Target, vantage: Vantage, node: str, owned: Owned
) -> Iterator[Alternative]:
    """The alternatives when the packet meets the proxy of this node."""
    assert target.service is not None
    assert target.port is not None
    service = snapshot.services[target.service]
    origin: Origin = "outside"
    if vantage.node == node:
        origin = "pod" if vantage.place.kind == "pod" else "node"
    found = snapshot.nodes.get(Key("", node))
    client = Client(node, found.zone if found else None, origin)
    choice = choose(service, backends(snapshot, service, target.port), client, target.traffic)
    asked = Ends(_end(vantage.address), End(frozenset({target.address}), target.number))
    way_in, arriving = _way_in(vantage, node, asked, owned)
    if target.proxied:  # the balancer calls the node port of some node, from an address of its own
        own = found.internal_ips if found else ()
        arriving = Ends(ANY, End(frozenset(own), target.port.node_port))
    meeting = Place("node", node)
    why = Because(f"Service {target.service.namespace}/{target.service.name}", choice.field, "")
    action: Action = "rejected" if choice.outcome == "refused" else "dropped"
    end = Visit("original", meeting, arriving, None, (action,), why)
    if choice.outcome != "backends":
        yield Alternative(1.0, choice.outcome, None, _refusal(choice, origin, way_in, end), choice.because)
        return
    passing = _Passing(vantage, meeting, target.traffic, owned.get(meeting), why)
    for backend in choice.backends:
        original = (*way_in, *_onward(snapshot, passing, arriving, backend, choice))
        if lives_at(snapshot, backend) == vantage.place == meeting:
            because = f"{choice.because}; it stays on {node}"
            yield Alternative(1.0 / len(choice.backends), "unknown", backend, (), because)
            continue
        reply = tuple(each.answered() for each in reversed(original))
        yield Alternative(1.0 / len(choice.backends), "delivered", backend, original + reply, choice.because)


def _direct(snapshot: Snapshot, target: Target, vantage: Vantage) -> Iterator[Alternative]:
    """The alternatives of a balancer that knows the pods and calls them itself, past every proxy."""
    assert target.service is not None
    assert target.port is not None
    asked = Ends(_end(vantage.address), End(frozenset({target.address}), target.number))
    found = [
        each for each in backends(snapshot, snapshot.services[target.service], target.port) if each.ready
    ]
    for backend in found:
        called = Ends(ANY, End(frozenset({backend.address}), backend.port))
        sent = Visit("original", vantage.place, None, asked, ("sent",))
        original = (sent, *to_backend(snapshot, vantage.place, called, backend))
        reply = tuple(each.answered() for each in reversed(original))
        yield Alternative(1.0 / len(found), "delivered", backend, original + reply, "the balancer calls pods")


def _in_the_socket(snapshot: Snapshot, target: Target, vantage: Vantage) -> Iterator[Alternative]:
    """The alternatives of an eBPF balancer, which translates in connect(2): no packet has the cluster IP.

    They have no share: nothing in the API says so, but packets may. Source: KEP-3866, "The Cilium approach".
    """
    assert target.service is not None
    assert target.port is not None
    for backend in backends(snapshot, snapshot.services[target.service], target.port):
        called = target._replace(address=backend.address, number=backend.port or 0, node="")
        because = "an eBPF balancer translated the destination in the socket"
        way = _straight(snapshot, called, vantage)
        if way.visits:
            yield way._replace(share=0.0, backend=backend, because=because)


def _end(address: str) -> End:
    return End(frozenset({address})) if address else ANY


def _refusal(choice: Choice, origin: Origin, way_in: list[Visit], end: Visit) -> tuple[Visit, ...]:
    """The visits of a packet that is refused or dropped where it meets the rules.

    What a node sends by itself it refuses by itself: no link need see it, so nothing is predicted.
    """
    if origin == "node":
        return ()
    visits = (*way_in, end)
    answers = [each.answered() for each in reversed(visits)] if choice.outcome == "refused" else []
    return (*visits, *(_from_anybody(each) for each in answers))


def _from_anybody(visit: Visit) -> Visit:
    """A refusal may come from any address of the node that makes it."""
    entering = visit.entering and visit.entering._replace(src=ANY)
    leaving = visit.leaving and visit.leaving._replace(src=ANY)
    return visit._replace(entering=entering, leaving=leaving)


def _way_in(vantage: Vantage, node: str, asked: Ends, owned: Owned) -> tuple[list[Visit], Ends]:
    """The visits before the meeting, and the ends with which the packet comes there.

    A pod that calls another node leaves by its own, which may put its own address in place of the pod's.
    """
    sent = Visit("original", vantage.place, None, asked, ("sent",))
    if vantage.place.kind == "node" and vantage.node == node:
        return [], asked
    if not vantage.node or vantage.node == node or vantage.place.kind == "node":
        return [sent], asked
    home = Place("node", vantage.node)
    own = owned.get(home)
    outside = Ends(End(own | {vantage.address} if own is not None else None), asked.dst)
    return [sent, Visit("original", home, asked, outside, ("routed",))], outside


def _onward(
    snapshot: Snapshot, passing: _Passing, arriving: Ends, backend: Backend, choice: Choice
) -> Iterator[Visit]:
    """The visits from the meeting on, to one backend."""
    hairpin = passing.vantage.place.kind == "pod" and backend.address == passing.vantage.address
    masquerades = hairpin or (choice.masquerade and passing.traffic == "external")
    src = arriving.src
    if masquerades:
        src = End(passing.own, words=f"an address of {passing.meeting.name}")
    elif choice.masquerade:  # point 3: nobody can know from here
        src = End(passing.own | (arriving.src.addresses or frozenset()) if passing.own is not None else None)
    leaving = Ends(src, End(frozenset({backend.address}), backend.port))
    entering = None if passing.vantage.place == passing.meeting else arriving
    actions: tuple[Action, ...] = ("dnat", "masquerade") if masquerades else ("dnat",)
    if lives_at(snapshot, backend) == passing.meeting:
        stays: tuple[Action, ...] = ("dnat", "delivered")
        yield Visit("original", passing.meeting, entering, None, stays, passing.why, leaving)
        return
    yield Visit("original", passing.meeting, entering, leaving, actions, passing.why)
    yield from to_backend(snapshot, passing.meeting, leaving, backend)


def _of_no_port(snapshot: Snapshot, target: Target, vantage: Vantage) -> Alternative | None:
    """Of an address that is only a Service's, which has no such port: None = it is not.

    In nftables mode the node refuses it; in iptables mode no rule is about it, and it leaves by some route.
    """
    owners = [snapshot.services[key] for key in snapshot.index.services_by_ip.get(target.address, EMPTY)]
    if not owners or target.node:
        return None
    ports = ", ".join(f"{each.port}/{each.protocol}" for owner in owners for each in owner.spec.ports)
    names = ", ".join(f"{owner.namespace}/{owner.name}" for owner in owners)
    ends = Ends(_end(vantage.address), End(frozenset({target.address}), target.number))
    sent = Visit("original", vantage.place, None, ends, ("sent",))
    because = f"Service {names} has no port {target.number}/{target.protocol}, only {ports}"
    return Alternative(1.0, "unknown", None, (sent,), because)


def _straight(snapshot: Snapshot, target: Target, vantage: Vantage) -> Alternative:
    """The way to an address that no Service owns: a pod's, a node's, or one that nothing is known of."""
    ends = Ends(_end(vantage.address), End(frozenset({target.address}), target.number))
    visits = [Visit("original", vantage.place, None, ends, ("sent",))]
    pod = next((key for key in snapshot.index.pods_by_ip.get(target.address, EMPTY)), None)
    node = target.node or (snapshot.pods[pod].spec.node_name if pod else "")
    owner = pod_place(pod) if pod and not target.node else Place("node", node) if target.node else None
    if owner == vantage.place:
        return Alternative(1.0, "delivered", None, (), "it is its own address")
    if vantage.place.kind == "pod" and vantage.node:
        # It may put its own address in place of the pod's where the packet leaves the pod network.
        leaving = ends if pod and not target.node else ends._replace(src=ANY)
        visits.append(Visit("original", Place("node", vantage.node), ends, leaving, ("routed",)))
    if owner is None:
        return Alternative(1.0, "unknown", None, tuple(visits), f"nothing is known to own {target.address}")
    if owner.kind == "pod" and node and node != vantage.node:
        visits.append(Visit("original", Place("node", node), ends, ends, ("routed",)))
    last = Visit("original", owner, visits[-1].leaving, None, ("delivered",))
    original = (*visits, last)
    reply = tuple(each.answered() for each in reversed(original))
    return Alternative(1.0, "delivered", None, original + reply, f"{target.address} is {owner}")
