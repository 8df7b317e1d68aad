"""A cluster that goes away in the midst of many attempts: what was seen is told, and why it ended."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kinspect.asks.tracing import Traced, Tracing
from kinspect.errors import NotPermitted, UsageError
from kinspect.trace.run import Run
from tests.asks.running_lab import RunningLab, running

pytestmark = pytest.mark.lab

MANY = 1000


@pytest.fixture(scope="module")
def ground() -> Iterator[RunningLab]:
    with running("routed", "iptables") as lab:
        yield lab


@pytest.fixture
def under_way(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Is set when the first attempt is through."""
    through, attempt = threading.Event(), Tracing._attempt

    async def told(*arguments: object) -> Run:
        run = await attempt(*arguments)  # type: ignore[arg-type]
        through.set()
        return run

    monkeypatch.setattr(Tracing, "_attempt", told)
    return through


def test_what_was_seen_is_told_when_the_vantage_goes_away(under_way: threading.Event) -> None:
    with ThreadPoolExecutor() as pool:
        with running("routed", "iptables") as lab:
            assert lab.snapshot
            traced = pool.submit(lab.trace, "svc/far", "pod/shop/client-1", repeat=MANY)
            assert under_way.wait(30)
        ended = traced.result(30)
    _shows_what_there_is(ended)


def test_what_was_seen_is_told_when_the_agent_dies(ground: RunningLab, under_way: threading.Event) -> None:
    assert ground.snapshot
    with ThreadPoolExecutor() as pool:
        traced = pool.submit(ground.trace, "svc/far", "pod/shop/client-1", repeat=MANY)
        assert under_way.wait(30)
        for agent in _agents():
            os.kill(agent, signal.SIGKILL)
        ended = traced.result(30)
    _shows_what_there_is(ended)


def _agents() -> list[int]:
    """The agents that this process has started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                own = parent == os.getpid() and "vantage/agent.py" in (entry / "cmdline").read_text()
            except OSError:
                continue  # it has ended meanwhile
            found += [int(entry.name)] if own else []
    return found


def _shows_what_there_is(ended: Traced) -> None:
    assert ended.lost is not None
    assert ended.trace.verdict == "delivered"
    assert ended.trace.notes[-1].startswith("vantage lost after ")
    assert len(ended.trace.paths) == 1


@pytest.mark.parametrize(
    ("vantage", "message", "hint"),
    [
        ("pod/shop/client", "There is no pod shop/client.", "Near it: client-1"),
        ("node/node7", "There is no node node7.", "Near it: node"),
        ("nowhere", "no network namespace on this machine is known", "Places: balancer, client, "),
    ],
)
def test_a_vantage_that_is_not_there_is_said(
    ground: RunningLab, vantage: str, message: str, hint: str
) -> None:
    with pytest.raises((UsageError, NotPermitted)) as caught:  # what may be hidden, it may not deny
        ground.trace("svc/far", vantage)
    assert message in caught.value.message
    assert hint in caught.value.hint
