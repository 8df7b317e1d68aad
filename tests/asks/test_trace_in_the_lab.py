"""Traces in the lab: the table of hops, case by case, in both proxy modes and with both ways to join pods.

What was predicted is judged by what the echo server says, not by our own trace alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from kinspect.asks.trace import TraceAsk, trace
from kinspect.lab.places import BALANCER
from kinspect.model.path import Trace
from tests.asks.running_lab import RunningLab, running
from tests.scenarios.hops import CASES, differences

pytestmark = pytest.mark.lab

GROUNDS = [("vxlan", "iptables"), ("vxlan", "nftables"), ("routed", "iptables"), ("routed", "nftables")]


@pytest.fixture(scope="module", params=GROUNDS, ids="-".join)
def ground(request: pytest.FixtureRequest) -> Iterator[RunningLab]:
    with running(*request.param) as lab:
        yield lab


class InTheLab:
    """A lab as the table of hops wants it."""

    namespace, client, balancer = "shop", "203.0.113.9", "192.0.2.1"

    def __init__(self, lab: RunningLab) -> None:
        self._lab, self.snapshot = lab, lab.snapshot
        self.bridges = lab.lab.means.cni == "vxlan"

    def traced(self, ask: TraceAsk) -> Trace:
        return asyncio.run(trace(self.snapshot, ask)).trace

    def answer(self, vantage: str, address: str, port: int) -> tuple[str, str]:
        told = self._lab.ask(vantage, address, port)
        return told["pod"], told["client"].partition(":")[0]


@pytest.fixture
def calling_pods(ground: RunningLab) -> Iterator[None]:
    """The lab's balancer knows the pods, and calls that of the Service far-direct by itself."""
    (pod,) = [each.ips[0] for each in ground.snapshot.pods.values() if each.name == "there"]
    (service,) = [each for each in ground.snapshot.services.values() if each.name == "far-direct"]
    address = service.status.load_balancer.ingress[0].ip
    script = f"""
table ip calling-pods {{
  chain choose {{
    type nat hook prerouting priority dstnat - 1; policy accept;
    ip daddr {address} tcp dport 80 dnat to {pod}:8080
  }}
}}
"""

    def do(*argv: str, stdin: str = "") -> None:
        ground.do(ground.lab.ground.must(BALANCER, argv, stdin))

    do("ip", "route", "add", pod, "via", "192.0.2.12")
    do("nft", "-f", "-", stdin=script)
    yield
    do("nft", "delete", "table", "ip", "calling-pods")
    do("ip", "route", "del", pod)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.usefixtures("calling_pods")
def test_predicted_traced_and_answered_are_one(ground: RunningLab, name: str) -> None:
    assert not differences(InTheLab(ground), CASES[name])


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
    (joined,) = [number for number, hop in enumerate(hops) if hop.matched_by == "token"]
    assert hops[joined].place == hops[proxied].place
    assert hops[joined].direction == "original"
    assert {hop.direction for hop in hops[proxied + 1 : joined]} == {"reply"}
    assert hops[-1].place == hops[proxied].place
    times = [hop.time_ns for hop in hops if hop.time_ns is not None]
    assert times == sorted(times)
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
