"""Things that break on nodes and pods, each with the first hop that shows it, its cause, a healthy twin."""

from __future__ import annotations

import asyncio

import pytest

from kinspect.asks.trace import TraceAsk, trace
from kinspect.model.path import Trace
from kinspect.model.snapshot import Snapshot

from . import real
from .conftest import HERE
from .faults import FAULTS, Fault
from .ground import Ground, snapshot
from .settling import settle

OBJECTS = HERE / "faults.yaml"
if real.here():
    # The first node is in iptables mode, the second one in nftables mode, and no tunnel joins them.
    CASES = [(fault, here) for fault in FAULTS for here in (1, 2)[: 1 + fault.rules] if not fault.tunnel]
else:
    CASES = [(fault, 1) for fault in FAULTS]  # all of the lab's nodes are alike
MOST_TRIES = 20
"""A fault of one backend of two is met with the first try in half of all cases."""


@pytest.fixture(scope="module")
def known(ground: Ground) -> Snapshot:
    """What the API says, read once: what breaks here is the network, not the objects."""
    ground.apply(OBJECTS.read_text())
    settle(ground)
    return snapshot(ground)


@pytest.mark.parametrize(("fault", "here"), CASES, ids=[f"{fault.name}-{here}" for fault, here in CASES])
def test_a_fault_shows_at_its_hop_with_its_cause(
    ground: Ground, known: Snapshot, fault: Fault, here: int
) -> None:
    """And after it nothing does: the healthy twin."""
    fault = fault.on(here)
    with ground.broken(fault.name, here, 3 - here):
        traced = _met(known, fault)
    assert traced.causes, traced
    first = traced.causes[0]
    assert (first.place.name, first.code) == (fault.place, fault.code), traced.causes
    if fault.parts:
        assert traced.verdict in ("dropped", "refused")
        assert fault.place in _parted_at(traced)
        assert traced.divergence is not None
        assert first.code in traced.divergence.findings
    else:
        assert (traced.verdict, traced.divergence) == ("delivered", None)
    healthy = _trace(known, fault.target, fault.vantage)
    assert (healthy.verdict, healthy.divergence, healthy.causes) == ("delivered", None, ())


def test_a_dead_port_is_refused_by_the_pod(known: Snapshot) -> None:
    traced = _trace(known, "svc/dead-port", "pod/faults/client-1")
    assert traced.verdict == "refused"
    assert "faults/pair-2" in _parted_at(traced)
    assert [cause.code for cause in traced.causes] == ["EPS301"]


def _trace(known: Snapshot, target: str, vantage: str) -> Trace:
    return asyncio.run(trace(known, TraceAsk(target, vantage, namespace="faults"))).trace


def _met(known: Snapshot, fault: Fault) -> Trace:
    """The first trace that parts, or the first one of all where none should."""
    for _ in range(MOST_TRIES):
        traced = _trace(known, fault.target, fault.vantage)
        if traced.divergence is not None or not fault.parts:
            return traced
    raise AssertionError("the fault was never met")


def _parted_at(traced: Trace) -> set[str]:
    """The hop of the divergence and the last sighting before it: one of the two is where it happened."""
    assert traced.divergence is not None
    hops = traced.paths[traced.divergence.path].hops
    at = traced.divergence.hop
    return {hop.place.name for hop in hops[max(0, at - 1) : at + 1]}
