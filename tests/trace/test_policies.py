"""Ways as NetworkPolicies see them, and the causes that policies are: without a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
import yaml

from kinspect.model.coverage import Coverage
from kinspect.model.meta import Key, Meta, Object
from kinspect.model.path import Action, Address, At, Cause, Hop, Verdict
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.policy_engine import engine_on
from kinspect.sources.manifests import read_manifests
from kinspect.trace.answer import predicted
from kinspect.trace.causes import Case
from kinspect.trace.causes.policy import find
from kinspect.trace.compare import Parting
from kinspect.trace.expected import Alternative, Vantage, expect
from kinspect.trace.policies import judged, unread, with_policies
from kinspect.trace.run import Run
from kinspect.trace.sighting import Place
from kinspect.trace.target import Target, at_address

NODES = {"n1": "192.0.2.1", "n2": "192.0.2.2"}
PODS = {"client": ("n1", "10.1.1.2"), "near": ("n1", "10.1.1.3"), "far": ("n2", "10.1.2.2")}
N1, N2 = Place("node", "n1"), Place("node", "n2")
CLIENT, NEAR, FAR = (Place("pod", f"shop/{name}") for name in PODS)
OUTSIDE = Place("declared", "outside")
OWNED = {
    N1: frozenset({"192.0.2.1", "10.1.1.0", "10.1.1.1"}),
    N2: frozenset({"192.0.2.2", "10.1.2.0", "10.1.2.1"}),
    CLIENT: frozenset({"10.1.1.2"}),
    FAR: frozenset({"10.1.2.2"}),
}
VANTAGES = {
    "client": Vantage(CLIENT, "10.1.1.2", "n1"),
    "near": Vantage(NEAR, "10.1.1.3", "n1"),
    "n1": Vantage(N1, "192.0.2.1", "n1"),
    "n2": Vantage(N2, "192.0.2.2", "n2"),
    "outside": Vantage(OUTSIDE, "203.0.113.9", ""),
}
ALL = "podSelector: {}\npolicyTypes: [Ingress, Egress]\n"


def policy(spec: str, name: str = "p0") -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": yaml.safe_load(spec),
    }


def service(name: str, node_port: int, local: bool = False) -> list[dict[str, Any]]:
    node, address = PODS[name]
    spec = {
        "type": "NodePort",
        "clusterIP": f"10.96.0.{node_port - 30000}",
        "externalTrafficPolicy": "Local" if local else "Cluster",
        "ports": [{"port": 80, "targetPort": 8080, "nodePort": node_port, "protocol": "TCP"}],
    }
    target = {"kind": "Pod", "name": name, "namespace": "shop"}
    called = f"{name}-local" if local else name
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": called, "namespace": "shop"},
            "spec": spec,
        },
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": called,
                "namespace": "shop",
                "labels": {"kubernetes.io/service-name": called},
            },
            "addressType": "IPv4",
            "endpoints": [
                {
                    "addresses": [address],
                    "nodeName": node,
                    "targetRef": target,
                    "conditions": {"ready": True},
                }
            ],
            "ports": [{"port": 8080, "protocol": "TCP"}],
        },
    ]


def world(*specs: str, engine: bool = False) -> Snapshot:
    objects: list[dict[str, Any]] = [policy(each, f"p{number}") for number, each in enumerate(specs)]
    objects.append({**policy("podSelector: {}"), "metadata": {"name": "other", "namespace": "elsewhere"}})
    objects.append({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    for name, address in NODES.items():
        status = {"addresses": [{"type": "InternalIP", "address": address}]}
        objects.append({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": status})
    for name, (node, address) in PODS.items():
        objects.append(pod(name, node, address, labels={"app": name}))
    if engine:
        owner = {"kind": "DaemonSet", "name": "calico-node", "uid": "1", "apiVersion": "apps/v1"}
        for node, address in NODES.items():
            calico = pod(f"calico-{node}", node, address, ownerReferences=[owner])
            calico["spec"]["hostNetwork"] = True
            objects.append(calico)
    objects += [*service("far", 30001), *service("near", 30002), *service("far", 30003, local=True)]
    text = "---\n".join(yaml.safe_dump(each) for each in objects)
    return read_manifests(["-"], text.encode())


def pod(name: str, node: str, address: str, **meta: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", **meta},
        "spec": {"nodeName": node, "containers": [{"name": "one"}]},
        "status": {
            "phase": "Running",
            "podIP": address,
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def way(snapshot: Snapshot, vantage: str, address: str, number: int) -> tuple[Target, Alternative]:
    """The one way that is likely."""
    target = at_address("it", snapshot, address, number)
    ways = [each for each in expect(snapshot, target, VANTAGES[vantage], OWNED) if each.share]
    assert len(ways) == 1
    return target, ways[0]


FROM_OUTSIDE = "podSelector: {}\ningress: [{from: [{ipBlock: {cidr: 203.0.113.9/32}}]}]"
FROM_NODES = "podSelector: {}\ningress: [{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}]"
FROM_TUNNELS = "podSelector: {}\ningress: [{from: [{ipBlock: {cidr: 10.1.0.0/16}}]}]"
TO_FAR = "podSelector: {}\npolicyTypes: [Egress]\negress: [{to: [{podSelector: {matchLabels: {app: far}}}]}]"

FACES = {
    # policy, from, to, port → egress, ingress ("" = that end is no pod)
    "pod to pod": (ALL, "client", "10.1.2.2", 8080, "denied", "denied"),
    "pod to cluster IP, by the pod behind it": (TO_FAR, "client", "10.96.0.1", 80, "allowed", "allowed"),
    "pod to itself by a cluster IP": (ALL, "near", "10.96.0.2", 80, "allowed", "allowed"),
    "pod to its own node's port, by the pod": (TO_FAR, "client", "192.0.2.1", 30001, "allowed", "allowed"),
    "pod to another node's port, by that node": (TO_FAR, "client", "192.0.2.2", 30001, "denied", "allowed"),
    "outside to a node without the pod": (FROM_OUTSIDE, "outside", "192.0.2.1", 30001, "", "denied"),
    "outside to the node of the pod": (FROM_OUTSIDE, "outside", "192.0.2.2", 30001, "", "allowed"),
    "outside to the node of the pod, denied": (FROM_NODES, "outside", "192.0.2.2", 30001, "", "unknown"),
    "outside under policy Local": (FROM_OUTSIDE, "outside", "192.0.2.2", 30003, "", "allowed"),
    "outside under policy Local, denied": (FROM_NODES, "outside", "192.0.2.2", 30003, "", "denied"),
    "outside, masqueraded to some address": (FROM_NODES, "outside", "192.0.2.1", 30001, "", "unknown"),
    "its own node": (ALL, "n2", "10.1.2.2", 8080, "", "allowed"),
    "another node": (ALL, "n1", "10.1.2.2", 8080, "", "denied"),
    "another node by its address": (FROM_NODES, "n1", "10.1.2.2", 8080, "", "allowed"),
    "pod to a stranger": (ALL, "client", "203.0.113.9", 80, "denied", ""),
}


@pytest.mark.parametrize("name", FACES)
def test_ways_as_policies_see_them(name: str) -> None:
    spec, vantage, address, port, egress, ingress = FACES[name]
    snapshot = world(spec)
    _, likely = way(snapshot, vantage, address, port)
    told = {each.direction: each for each in judged(snapshot, "TCP", likely, OWNED)}
    found = {direction: each.answer for direction, each in told.items()}
    assert (found.get("Egress", ""), found.get("Ingress", "")) == (egress, ingress), told


def test_a_packet_that_was_seen_tells_its_face() -> None:
    snapshot = world(FROM_NODES)
    _, likely = way(snapshot, "outside", "192.0.2.1", 30001)
    for address, answer in (("192.0.2.1", "allowed"), ("10.1.1.0", "denied")):
        hops = [hop(N2, "in", src=address)]
        (ingress,) = judged(snapshot, "TCP", likely, OWNED, hops)
        assert ingress.answer == answer


def test_a_prediction_does_not_know_from_which_address_a_node_sends() -> None:
    snapshot = world(FROM_NODES)
    _, likely = way(snapshot, "n1", "10.1.2.2", 8080)
    (ingress,) = judged(snapshot, "TCP", likely, {})
    assert ingress.answer == "unknown"


def hop(place: Place, way: str, *actions: Action, src: str = "10.1.1.2", reply: bool = False) -> Hop:
    return Hop(
        "reply" if reply else "original",
        At(place.kind, place.name),
        way="in" if way == "in" else "out",
        actions=actions or ("received",),
        src=Address(src, 40000),
        dst=Address("10.1.2.2", 8080),
        matched_by="sequence",
    )


SENT = (hop(CLIENT, "out"), hop(N1, "in"))
ARRIVED = (*SENT, hop(N1, "out"), hop(N2, "in"))
IN_THE_POD = (*ARRIVED, hop(N2, "out"), hop(FAR, "in"))


def causes_of(
    snapshot: Snapshot, verdict: Verdict, hops: Sequence[Hop], owned: dict[Place, frozenset[str]] = OWNED
) -> list[Cause]:
    """The causes for a packet of client to svc/far, of which this was seen."""
    target, likely = way(snapshot, "client", "10.96.0.1", 80)
    last = hops[-1].place
    parting = None if verdict == "delivered" else Parting(len(hops), Place(last.kind, last.name), "", "")
    run = Run(verdict, tuple(hops), None, parting, likely, "")
    return list(find(Case(target, run, {}, owned, {}, snapshot)))


INGRESS_ONLY = "podSelector: {matchLabels: {app: far}}"
EGRESS_ONLY = "podSelector: {matchLabels: {app: client}}\npolicyTypes: [Egress]"
WITHOUT_N2 = {place: own for place, own in OWNED.items() if place not in (N2, FAR)}

STOPPED: dict[str, tuple[str, Verdict, Sequence[Hop], dict[Place, frozenset[str]], list[str]]] = {
    "ingress, on its node": (INGRESS_ONLY, "dropped", ARRIVED, OWNED, ["POL302"]),
    "ingress, rejected there": (
        INGRESS_ONLY,
        "refused",
        (*ARRIVED, hop(N2, "out", "rejected", reply=True)),
        OWNED,
        ["POL302"],
    ),
    "refused by the pod itself": (
        INGRESS_ONLY,
        "refused",
        (*IN_THE_POD, hop(FAR, "out", "rejected", reply=True)),
        OWNED,
        ["POL303"],
    ),
    "refused by a pod where nobody looked": (
        INGRESS_ONLY,
        "refused",
        (*ARRIVED, hop(N2, "out"), hop(N2, "in", "rejected", reply=True)),
        OWNED,
        ["POL303"],
    ),
    "lost before it came there": (INGRESS_ONLY, "dropped", SENT, OWNED, []),
    "lost, and nobody could look there": (
        INGRESS_ONLY,
        "dropped",
        (*SENT, hop(N1, "out")),
        WITHOUT_N2,
        ["POL302"],
    ),
    "egress, on its node": (EGRESS_ONLY, "dropped", SENT, OWNED, ["POL301"]),
    "egress, and it was lost later": (EGRESS_ONLY, "dropped", ARRIVED, OWNED, ["POL303"]),
    "delivered all the same": (INGRESS_ONLY, "delivered", IN_THE_POD, OWNED, ["POL303"]),
    "both, and the first stopped it": (ALL, "dropped", SENT, OWNED, ["POL301"]),
    "captures that lost packets prove nothing": (INGRESS_ONLY, "unknown", ARRIVED, OWNED, []),
    "allowed, and lost there": (INGRESS_ONLY + "\ningress: [{}]", "dropped", ARRIVED, OWNED, []),
    "allowed, and delivered": (INGRESS_ONLY + "\ningress: [{}]", "delivered", IN_THE_POD, OWNED, []),
    "of other pods": ("podSelector: {matchLabels: {app: near}}", "dropped", ARRIVED, OWNED, []),
    "open to doubt, and lost there": (FROM_TUNNELS, "dropped", ARRIVED, OWNED, ["POL302"]),
    "open to doubt, and delivered": (FROM_TUNNELS, "delivered", IN_THE_POD, OWNED, []),
}


@pytest.mark.parametrize("name", STOPPED)
def test_what_stopped_it(name: str) -> None:
    spec, verdict, hops, owned, codes = STOPPED[name]
    found = causes_of(world(spec), verdict, hops, owned)
    assert [each.code for each in found] == codes
    for each in found:
        assert each.fix and "shop/p0" in each.message
        assert ("in doubt" in each.message) == (spec == FROM_TUNNELS)


def test_who_enforces_it_is_said() -> None:
    (unseen,) = causes_of(world(INGRESS_ONLY), "delivered", IN_THE_POD)
    assert "nothing that would enforce it is seen there" in unseen.message
    (seen,) = causes_of(world(INGRESS_ONLY, engine=True), "delivered", IN_THE_POD)
    assert "Calico runs on n2, and let it pass" in seen.message
    (stopped,) = causes_of(world(INGRESS_ONLY, engine=True), "dropped", ARRIVED)
    assert stopped.message.endswith("(Calico runs on n2)")


def test_an_engine_is_seen_by_its_ready_pod_on_the_node() -> None:
    snapshot = world(engine=True)
    assert engine_on(snapshot, "n1") == "Calico"
    assert engine_on(snapshot, "n3") == ""
    assert engine_on(world(), "n1") == ""


def test_a_rule_that_names_the_services_port() -> None:
    (cause,) = causes_of(world(INGRESS_ONLY + "\ningress: [{ports: [{port: 80}]}]"), "dropped", ARRIVED)
    assert "it allows 80/TCP, not 8080/TCP" in cause.message
    assert "80 is the Service's port, a policy means the pod's" in cause.message
    (cause,) = causes_of(world(INGRESS_ONLY + "\ningress: [{ports: [{port: 81}]}]"), "dropped", ARRIVED)
    assert "Service's port" not in cause.message


PREDICTIONS: dict[str, tuple[tuple[str, ...], bool, Verdict, str]] = {
    "no policy": ((), True, "delivered", ""),
    "allowed": ((INGRESS_ONLY + "\ningress: [{}]",), True, "delivered", "allowed as ingress of pod shop/far"),
    "denied and enforced": ((INGRESS_ONLY,), True, "dropped", "(Calico runs on n2)"),
    "denied, and perhaps enforced": (
        (INGRESS_ONLY,),
        False,
        "unknown",
        "(whether anything enforces NetworkPolicies there is not known)",
    ),
    "perhaps denied": ((FROM_TUNNELS,), True, "unknown", "perhaps denied as ingress of pod shop/far"),
}


@pytest.mark.parametrize("name", PREDICTIONS)
def test_the_prediction_says_what_policies_say(name: str) -> None:
    specs, engine, verdict, says = PREDICTIONS[name]
    snapshot = world(*specs, engine=engine)
    target, likely = way(snapshot, "client", "10.96.0.1", 80)
    told = with_policies(snapshot, "TCP", [likely], predicted(target, "client", [likely]))
    assert told.verdict == verdict
    assert says in "\n".join(told.notes)
    assert bool(says) == (len(told.notes) > 1)


def test_of_many_verdicts_the_worst_are_told() -> None:
    snapshot = world(INGRESS_ONLY)
    target, to_far = way(snapshot, "client", "10.96.0.1", 80)
    ways = [to_far]
    pods: dict[Key, Object] = dict(snapshot.pods)
    for number in range(20):
        name = f"many-{number}"
        pods[Key("shop", name)] = msgspec.structs.replace(
            snapshot.pods[Key("shop", "far")],
            metadata=Meta(name=name, namespace="shop", labels={"app": "far"}),
        )
        assert to_far.backend is not None
        backend = msgspec.structs.replace(to_far.backend, pod=Key("shop", name))
        ways.append(to_far._replace(backend=backend))
    snapshot = replace(snapshot, objects={**snapshot.objects, "Pod": pods})
    told = with_policies(snapshot, "TCP", ways, predicted(target, "client", ways))
    assert len(told.notes) == 1 + 6 + 1
    assert told.notes[-1] == "and 15 verdicts more, none of them worse"


def test_policies_that_could_not_be_read_are_said_where_it_matters() -> None:
    snapshot = world()
    denied = Coverage("denied", "networkpolicies is forbidden")
    snapshot = replace(snapshot, coverage={**snapshot.coverage, "NetworkPolicy": denied})
    target, likely = way(snapshot, "client", "10.96.0.1", 80)
    told = with_policies(snapshot, "TCP", [likely], predicted(target, "client", [likely]))
    assert told.verdict == "delivered"
    assert "the NetworkPolicies of shop are not known (denied: networkpolicies is forbidden)" in told.notes
    dropped = Run("dropped", ARRIVED, None, None, likely, "")
    assert "are not known" in unread(snapshot, "TCP", dropped, OWNED)
    assert unread(snapshot, "TCP", dropped._replace(verdict="delivered"), OWNED) == ""
    assert unread(world(), "TCP", dropped, OWNED) == ""
    assert not causes_of(snapshot, "dropped", ARRIVED)  # no evidence, no cause
    assert Key("shop", "far") in snapshot.pods


def test_a_proxys_own_connections_are_denied_only_if_all_are() -> None:
    snapshot = world(INGRESS_ONLY)
    target, to_far = way(snapshot, "near", "10.1.2.2", 8080)
    _, to_client = way(snapshot, "near", "10.1.1.2", 8080)
    run = Run("refused", SENT, None, Parting(2, NEAR, "it asks a backend", "it answered"), to_far, "")

    def codes(*ways: Alternative) -> list[str]:
        return [each.code for each in find(Case(target, run, {}, OWNED, {}, snapshot, ways))]

    assert codes(to_far) == ["POL302"]
    assert codes(to_far, to_client) == []
