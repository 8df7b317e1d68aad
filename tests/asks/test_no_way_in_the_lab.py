"""Places in the lab that packets find no way on from. What else breaks is in `tests.scenarios.faults`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kinspect.lab import places
from kinspect.model.path import Trace
from tests.asks.running_lab import RunningLab, running

pytestmark = pytest.mark.lab

CLIENT_POD = "pod/shop/client-1"


@pytest.fixture(scope="module")
def ground() -> Iterator[RunningLab]:
    with running("vxlan", "iptables") as lab:
        yield lab


METHODS = ["marked connect", "marked syn", "kernel table"]


@pytest.mark.parametrize("method", METHODS)
def test_a_place_that_has_no_route_says_so(ground: RunningLab, method: str) -> None:
    traced = ground.trace("svc/far", "balancer", method=method).trace
    assert (traced.verdict, _told_at(traced)) == ("dropped", [("NOD310", "balancer")])
    assert traced.divergence is not None
    assert "EINVAL (its route says blackhole)" in traced.divergence.seen
    assert _is_fine(ground.trace("node/node1:30081", "balancer", method=method).trace)


def test_a_pod_that_has_no_route_says_so(ground: RunningLab) -> None:
    lost = ["ip", "route", "del", "default"]
    back = ["ip", "route", "add", "default", "via", "10.244.1.1"]
    with _commands(ground, [lost], [back], at=CLIENT_POD):
        traced = ground.trace("svc/far", CLIENT_POD).trace
    assert _told_at(traced) == [("NOD310", "shop/client-1")]
    assert "no route" in traced.causes[0].message
    assert _is_fine(ground.trace("svc/far", CLIENT_POD).trace)


@pytest.mark.parametrize("kind", ["blackhole", "unreachable", "prohibit"])
def test_a_router_that_has_no_route_is_named(ground: RunningLab, kind: str) -> None:
    """What it answers, if anything, the client's packets get; the router itself can be asked why."""
    route, back = (["ip", "route", "replace", each, "default"] for each in (kind, "blackhole"))
    removed = ["ip", "route", "del", "blackhole", "default"]
    with _commands(ground, [removed, route], [["ip", "route", "del", kind, "default"], back], at="balancer"):
        traced = ground.trace("svc/far", "client").trace
    assert _told_at(traced) == [("NOD310", "balancer")], traced
    assert f"its route says {kind}" in traced.causes[0].message


def test_a_next_hop_that_is_not_there_is_named(ground: RunningLab) -> None:
    traced = ground.trace("192.0.2.77:80", CLIENT_POD).trace
    assert _told_at(traced) == [("NOD312", "node1")]
    assert "nobody answers for 192.0.2.77" in traced.causes[0].message


def _is_fine(traced: Trace) -> bool:
    return (traced.verdict, traced.divergence, traced.causes) == ("delivered", None, ())


def _told_at(traced: Trace) -> list[tuple[str, str]]:
    return [(cause.code, cause.place.name) for cause in traced.causes]


@contextmanager
def _commands(ground: RunningLab, break_: list[list[str]], heal: list[list[str]], at: str) -> Iterator[None]:
    """Runs commands at a place, and others afterwards."""
    place = places.parse(at)
    try:
        for argv in break_:
            ground.do(ground.lab.ground.must(place, argv))
        yield
    finally:
        for argv in heal:
            ground.do(ground.lab.ground.run(place, argv))
