"""Which places a packet should visit: the table of hops from declared state alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from kinspect.model.snapshot import Snapshot
from kinspect.sources import open_file
from kinspect.trace.expected import Vantage, expect
from kinspect.trace.sighting import Place
from kinspect.trace.target import resolve
from tests.trace.recordings import OWNED

CLIENT = Vantage(Place("declared", "client"), "192.0.2.100", "")
SOURCE = Vantage(Place("pod", "shop/src"), "10.244.0.5", "node1")
WEB = Vantage(Place("pod", "shop/web0"), "10.244.1.3", "node2")
NODE1 = Vantage(Place("node", "node1"), "192.0.2.11", "node1")


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return open_file([str(Path(__file__).with_name("recorded.yaml"))], None)


def ways(snapshot: Snapshot, text: str, vantage: Vantage) -> list[list[str]]:
    """Every alternative in short, the request's way only: place, source and destination as it leaves."""
    target = resolve(text, snapshot, "shop")
    found = []
    for each in expect(snapshot, target, vantage, OWNED):
        if each.share:
            visits = [visit for visit in each.visits if visit.direction == "original"]
            found.append(
                [each.outcome, *(f"{v.place} {v.ends(True).src} {v.ends(True).dst}" for v in visits)]
            )
    return found


CASES = {
    "pod to cluster IP": (
        "svc/one",
        SOURCE,
        [
            [
                "delivered",
                "pod/shop/src 10.244.0.5 10.96.225.63:80",
                "node/node1 10.244.0.5 10.244.1.3:8080",
                "node/node2 10.244.0.5 10.244.1.3:8080",
                "pod/shop/web0 10.244.0.5 10.244.1.3:8080",
            ]
        ],
    ),
    "pod to what is outside, as whom its node pleases": (
        "203.0.113.9:80",
        SOURCE,
        [["unknown", "pod/shop/src 10.244.0.5 203.0.113.9:80", "node/node1 any address 203.0.113.9:80"]],
    ),
    "hairpin": (
        "svc/one",
        WEB,
        [
            [
                "delivered",
                "pod/shop/web0 10.244.1.3 10.96.225.63:80",
                "node/node2 an address of node2 10.244.1.3:8080",
                "pod/shop/web0 an address of node2 10.244.1.3:8080",
            ]
        ],
    ),
    "node port, policy Cluster": (
        "node/node1:30092",
        CLIENT,
        [
            [
                "delivered",
                "client 192.0.2.100 192.0.2.11:30092",
                "node/node1 an address of node1 10.244.1.3:8080",
                "node/node2 an address of node1 10.244.1.3:8080",
                "pod/shop/web0 an address of node1 10.244.1.3:8080",
            ]
        ],
    ),
    "node port, policy Local, no pod here": (
        "node/node1:30093",
        CLIENT,
        [["silent", "client 192.0.2.100 192.0.2.11:30093", "node/node1 192.0.2.100 192.0.2.11:30093"]],
    ),
    "node port, policy Local, a pod here": (
        "node/node2:30093",
        CLIENT,
        [
            [
                "delivered",
                "client 192.0.2.100 192.0.2.12:30093",
                "node/node2 192.0.2.100 10.244.1.2:8080",
                "pod/shop/echo2 192.0.2.100 10.244.1.2:8080",
            ]
        ],
    ),
    "no endpoints": (
        "node/node1:30090",
        CLIENT,
        [["refused", "client 192.0.2.100 192.0.2.11:30090", "node/node1 192.0.2.100 192.0.2.11:30090"]],
    ),
    "a cluster IP from outside": ("svc/one", CLIENT, [["unknown", "client 192.0.2.100 10.96.225.63:80"]]),
    "pod to pod": (
        "pod/web0:8080",
        SOURCE,
        [
            [
                "delivered",
                "pod/shop/src 10.244.0.5 10.244.1.3:8080",
                "node/node1 10.244.0.5 10.244.1.3:8080",
                "node/node2 10.244.0.5 10.244.1.3:8080",
                "pod/shop/web0 10.244.0.5 10.244.1.3:8080",
            ]
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_way_is_predicted(name: str, snapshot: Snapshot) -> None:
    text, vantage, expected = CASES[name]
    assert ways(snapshot, text, vantage) == expected


def test_a_balancers_address_may_come_to_any_node(snapshot: Snapshot) -> None:
    outcomes = [way[0] for way in ways(snapshot, "192.0.2.200:80", CLIENT)]
    assert outcomes == ["silent", "delivered", "silent"]


def test_a_balancer_that_checks_nodes_should_spare_those_without_a_backend(snapshot: Snapshot) -> None:
    target = resolve("192.0.2.200:80", snapshot, "shop")
    assert target.service is not None
    service = snapshot.services[target.service]
    checked = structs.replace(service, spec=structs.replace(service.spec, health_check_node_port=30999))
    objects = {**snapshot.objects, "Service": {**snapshot.services, target.service: checked}}
    found = expect(replace(snapshot, objects=objects), target, CLIENT, OWNED)
    assert [(each.outcome, each.share) for each in found] == [("silent", 0), ("delivered", 1), ("silent", 0)]
    assert "node1 though its health check fails there" in found[0].because


def test_a_node_that_calls_a_cluster_ip_may_or_may_not_be_masqueraded(snapshot: Snapshot) -> None:
    target = resolve("svc/one", snapshot, "shop")
    (first, *_) = expect(snapshot, target, NODE1, OWNED)
    leaving = first.visits[0].ends(True)
    assert leaving.src.addresses == OWNED[Place("node", "node1")]


def test_the_answer_pays_the_same_visits_in_reverse(snapshot: Snapshot) -> None:
    target = resolve("node/node1:30092", snapshot, "shop")
    (first, *_) = expect(snapshot, target, CLIENT, OWNED)
    places = [visit.place for visit in first.visits]
    assert places == places[::-1]
    assert first.visits[-1].ends(False).src == first.visits[0].ends(True).dst


def test_an_ebpf_balancer_is_an_alternative_without_a_share(snapshot: Snapshot) -> None:
    target = resolve("svc/one", snapshot, "shop")
    *_, last = expect(snapshot, target, SOURCE, OWNED)
    assert last.share == 0.0
    assert "in the socket" in last.because
    assert last.visits[0].ends(True).dst.addresses == frozenset({"10.244.1.3"})
