"""Traces in the lab: the table of hops, case by case, in both proxy modes and with both ways to join pods.

What was predicted is judged by what the echo server says, not by our own trace alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from kinspect.model.path import Hop, Trace
from tests.asks.running_lab import RunningLab, running

pytestmark = pytest.mark.lab

GROUNDS = [("vxlan", "iptables"), ("vxlan", "nftables"), ("routed", "iptables"), ("routed", "nftables")]


@pytest.fixture(scope="module", params=GROUNDS, ids="-".join)
def ground(request: pytest.FixtureRequest) -> Iterator[RunningLab]:
    with running(*request.param) as lab:
        yield lab


class Case(NamedTuple):
    """One line of the table: who calls what, which pod answers, and as whom it sees the client."""

    target: str
    vantage: str
    pod: str
    seen_as: str


CASES = {
    "A pod to cluster IP, same node": Case("svc/near", "pod/shop/client-1", "here", "pod"),
    "B C pod to cluster IP, other node": Case("svc/far", "pod/shop/client-1", "there", "pod"),
    "D hairpin": Case("svc/itself", "pod/shop/client-1", "client-1", "node"),
    "E node process to cluster IP": Case("svc/far", "node/node1", "there", "node"),
    "F node port, backend on another node": Case("node/node1:30081", "client", "there", "node"),
    "G node port, backend on this node": Case("node/node1:30080", "client", "here", "node"),
    "H node port, policy Local": Case("node/node2:30082", "client", "there", "client"),
    "J balancer's address": Case("lb/far-balanced", "client", "there", "node"),
    "J balancer's address, policy Local": Case("lb/far-local", "client", "there", "client"),
    "M pod to balancer's address": Case("lb/far-balanced", "pod/shop/client-1", "there", "node"),
    "M pod to balancer's address, policy Local": Case("lb/far-local", "pod/shop/client-1", "there", "pod"),
    "pod to pod, other node": Case("pod/there:8080", "pod/shop/client-1", "there", "pod"),
    "pod to pod, same node": Case("pod/here:8080", "pod/shop/client-1", "here", "pod"),
}


@pytest.mark.parametrize("name", CASES)
def test_delivered_as_predicted(ground: RunningLab, name: str) -> None:
    case = CASES[name]
    target = _target(ground, case.target)
    traced = ground.trace(target, case.vantage).trace
    assert traced.divergence is None, traced.divergence
    assert traced.verdict == "delivered"
    assert traced.backend is not None
    assert traced.backend.pod == f"shop/{case.pod}"
    assert (traced.lost, traced.unseen, traced.causes) == (0, (), ())
    arrived = _arrival(traced)
    told = ground.ask(case.vantage, *_called(traced))
    assert told["pod"] == case.pod
    assert arrived.src is not None
    assert _kind(ground, arrived.src.address) == case.seen_as
    assert _kind(ground, told["client"].partition(":")[0]) == case.seen_as
    if not case.target.startswith("lb/"):  # a balancer may send the second connection to another node
        assert told["client"].partition(":")[0] == arrived.src.address


def test_i_node_port_under_policy_local_without_a_pod_is_dropped_as_predicted(ground: RunningLab) -> None:
    traced = ground.trace("node/node1:30082", "client").trace
    assert (traced.verdict, traced.divergence, traced.causes) == ("dropped", None, ())
    assert traced.paths[0].hops[-1].place.name == "node1"


@pytest.mark.parametrize("target", ["svc/nobody", "node/node1:30084"])
def test_a_service_without_endpoints_is_refused_as_predicted(ground: RunningLab, target: str) -> None:
    vantage = "client" if target.startswith("node") else "pod/shop/client-1"
    traced = ground.trace(target, vantage).trace
    assert (traced.verdict, traced.divergence) == ("refused", None)
    assert [cause.code for cause in traced.causes] == ["SVC101"]  # what the objects say of the Service


@pytest.mark.parametrize("method", ["marked connect", "marked syn"])
def test_both_marks_show_the_same_path(ground: RunningLab, method: str) -> None:
    traced = ground.trace("node/node1:30081", "client", method=method).trace
    assert (traced.method, traced.verdict, traced.divergence) == (method, "delivered", None)
    seen = [(hop.place.name, hop.interface, hop.way) for hop in traced.paths[0].hops]
    assert seen[0] == ("client", "eth0", "out")
    assert seen[-1] == ("client", "eth0", "in")
    tunnels = [hop.encapsulation for hop in traced.paths[0].hops if hop.encapsulation]
    assert bool(tunnels) == (ground.lab.means.cni == "vxlan")


def test_a_datagram_is_followed_there_and_back(ground: RunningLab) -> None:
    traced = ground.trace("node/node1:30090", "client", protocol="UDP").trace
    assert (traced.method, traced.verdict, traced.divergence) == ("marked datagram", "delivered", None)
    assert traced.paths[0].hops[-1].place.name == "client"


def test_the_chain_that_chose_is_named(ground: RunningLab) -> None:
    traced = ground.trace("node/node1:30081", "client").trace
    (dnat,) = [hop for hop in traced.paths[0].hops if "dnat" in hop.actions and hop.direction == "original"]
    assert dnat.because is not None
    assert dnat.because.object == "Service shop/far"
    chain = "KUBE-SVC-" if ground.lab.means.proxy == "iptables" else "service-"
    assert chain in dnat.because.rule


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_ingress_joins_two_connections_by_the_token(ground: RunningLab, scheme: str) -> None:
    traced = ground.trace(f"{scheme}://shop.example.test/path", "client").trace
    assert (traced.method, traced.verdict, traced.divergence) == ("marked request", "delivered", None)
    assert traced.backend is not None
    assert traced.backend.pod == "shop/there"
    hops = traced.paths[0].hops
    (proxied,) = [number for number, hop in enumerate(hops) if "proxied" in hop.actions]
    assert hops[proxied].place.name.startswith("ingress-nginx/")
    assert hops[proxied + 1].matched_by == "token"
    assert hops[proxied + 1].place == hops[proxied].place
    (note,) = traced.notes
    came_as = hops[proxied].src
    assert came_as is not None
    assert f"X-Forwarded-For at pod/shop/there: {came_as.address}" in note


def test_an_ingress_that_has_nobody_to_ask_answers_by_itself(ground: RunningLab) -> None:
    traced = ground.trace("http://shop.example.test/nobody", "client").trace
    assert traced.verdict == "refused"
    assert traced.divergence is not None
    assert "answered by itself: HTTP 503" in traced.divergence.seen


def test_the_kernels_tables_prove_the_translation(ground: RunningLab) -> None:
    traced = ground.trace("node/node1:30081", "client", method="kernel table").trace
    assert (traced.verdict, traced.divergence) == ("delivered", None)
    assert {hop.matched_by for hop in traced.paths[0].hops} == {"kernel"}
    translated = [
        hop for hop in traced.paths[0].hops if "dnat" in hop.actions and hop.direction == "original"
    ]
    assert [hop.place.name for hop in translated] == ["node1"]
    assert translated[0].dst is not None
    assert (translated[0].dst.port, traced.backend and traced.backend.pod) == (8080, "shop/there")


def test_repeated_traces_spread_over_the_backends(ground: RunningLab) -> None:
    traced = ground.trace("svc/a-pair", "pod/shop/client-1", repeat=12).trace
    assert (traced.verdict, traced.divergence) == ("delivered", None)
    assert len(traced.paths) == 2  # all on one of two: once in 2,000 runs
    assert sum(path.share for path in traced.paths) == pytest.approx(1.0)


def _target(ground: RunningLab, text: str) -> str:
    kind, _, name = text.partition("/")
    if kind != "lb":
        return text
    service = next(each for key, each in ground.snapshot.services.items() if key.name == name)
    return f"{service.status.load_balancer.ingress[0].ip}:80"


def _arrival(traced: Trace) -> Hop:
    return [hop for hop in traced.paths[0].hops if hop.direction == "original"][-1]


def _called(traced: Trace) -> tuple[str, int]:
    """What was called: as the answer's last sighting has it, or before the node itself translates."""
    last = traced.paths[0].hops[-1]
    assert last.src is not None
    assert last.src.port is not None
    return last.src.address, last.src.port


def _kind(ground: RunningLab, address: str) -> str:
    """Whose an address is. Pods on the host network have their node's."""
    index = ground.snapshot.index
    if address == "203.0.113.9":
        return "client"
    return "pod" if address in index.pods_by_ip and address not in index.nodes_by_ip else "node"
