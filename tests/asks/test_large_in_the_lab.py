"""Large packets in the lab: a hole, a smaller link that says so, a healthy twin; and that they do no harm."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kinspect.lab import places
from kinspect.lab.network import TUNNEL, pod_mtu
from kinspect.model.path import Trace
from tests.asks.running_lab import RunningLab, running

pytestmark = pytest.mark.lab

CLIENT_POD = "pod/shop/client-1"
SIZE = pod_mtu("vxlan")
SMALL = 1200


@pytest.fixture(scope="module")
def ground() -> Iterator[RunningLab]:
    with running("vxlan", "iptables") as lab:
        yield lab


@contextmanager
def smaller_tunnel(ground: RunningLab) -> Iterator[None]:
    """A tunnel that takes less, on a node that says so."""
    link = ["ip", "link", "set", TUNNEL, "mtu"]
    ground.do(ground.lab.ground.must(places.node("node1"), [*link, str(SMALL)]))
    try:
        yield
    finally:
        ground.do(ground.lab.ground.must(places.node("node1"), [*link, str(SIZE)]))


def told(traced: Trace) -> tuple[str, str, str]:
    """What became of the large packet, and where it was seen last."""
    assert traced.large is not None
    assert (traced.verdict, traced.large.size) == ("delivered", SIZE)
    return traced.large.verdict, traced.large.place.name, traced.large.interface


VANTAGES = {
    "pod": ("svc/far", CLIENT_POD, ("node1", "cni0")),
    "client": ("node/node1:30081", "client", ("node1", "eth0")),
    "node": ("svc/far", "node/node1", ("node1", "")),
}
"""Who sends, and where node1 swallows it: a packet of its own it does not even begin to send."""


@pytest.mark.parametrize("name", VANTAGES)
def test_a_hole_is_met_and_its_healthy_twin_is_passed(ground: RunningLab, name: str) -> None:
    target, vantage, last = VANTAGES[name]
    with ground.broken("mtu-hole"):
        traced = ground.trace(target, vantage).trace
    assert told(traced) == ("dropped", *last)
    assert traced.large is not None
    assert traced.large.told_by is None
    assert [(cause.code, cause.place.name) for cause in traced.causes] == [("NOD307", "node1")]
    assert "the sender was not told" in traced.causes[0].message
    healthy = ground.trace(target, vantage).trace
    assert told(healthy) == ("delivered", "shop/there", "eth0")
    assert healthy.causes == ()


@pytest.mark.parametrize("name", VANTAGES)
def test_a_smaller_link_that_says_so_is_no_fault(ground: RunningLab, name: str) -> None:
    target, vantage, last = VANTAGES[name]
    with smaller_tunnel(ground):
        traced = ground.trace(target, vantage).trace
    assert told(traced) == ("refused", *last)
    assert traced.large is not None
    assert traced.large.told_by is not None
    assert (traced.large.told_by.name, traced.large.mtu) == ("node1", SMALL)
    assert traced.causes == ()


def test_the_way_back_is_not_tried_and_said_to_be_so(ground: RunningLab) -> None:
    with ground.broken("mtu-hole"):
        traced = ground.trace("node/node2:30080", "client").trace
    assert told(traced)[0] == "delivered"
    (cause,) = traced.causes
    assert (cause.code, cause.place.name) == ("NOD307", "node1")
    assert cause.message.endswith("(not tried)")


def test_a_hole_is_met_once_however_many_are_sent(ground: RunningLab) -> None:
    with ground.broken("mtu-hole"):
        traced = ground.trace("svc/far", CLIENT_POD, repeat=5)
    assert told(traced.trace)[0] == "dropped"
    large = [record for record in traced.packets if record.length == SIZE and record.outgoing]
    assert len(large) == 3  # three times, by one attempt


SERVER = """
import socket
server = socket.create_server(("0.0.0.0", 9999))
server.settimeout(20)
connection, _ = server.accept()
connection.settimeout(10)
data = b""
while piece := connection.recv(4096):
    data += piece
print(len(data), "then the end")
"""


def test_the_application_gets_none_of_it(ground: RunningLab) -> None:
    """Neither a byte nor an end other than the ordinary one."""
    said: list[str] = []
    place = places.parse("pod/shop/there")

    def serve() -> None:
        said.append(ground.do(ground.lab.ground.must(place, ["python3", "-c", SERVER])))

    serving = threading.Thread(target=serve)
    serving.start()
    try:
        ready = "ss -Hltn sport = :9999 | grep -q . && echo ready"
        argv = ["sh", "-c", f"for i in $(seq 200); do {ready} && break; sleep 0.05; done"]
        assert "ready" in ground.do(ground.lab.ground.must(place, argv))
        traced = ground.trace("svc/dead-port", CLIENT_POD).trace
    finally:
        serving.join(30)
    assert told(traced)[0] == "delivered"
    assert said == ["0 then the end\n"]


def test_a_balancer_with_several_ways_loses_no_request_to_it(ground: RunningLab) -> None:
    """Its router may send a packet that is none of the socket's to another node, which answers by a RST."""
    found = [ground.trace("http://shop.example.test/path", "client").trace for _ in range(8)]
    assert {each.verdict for each in found} == {"delivered"}
    assert {each.large.verdict for each in found if each.large} <= {"delivered"}
