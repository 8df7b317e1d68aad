"""A cluster that goes away in the midst of many attempts: what was seen is told, and why it ended."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from kinspect.asks.trace import _Tracing
from kinspect.trace.run import Run
from tests.asks.running_lab import running

pytestmark = pytest.mark.lab

MANY = 1000


def test_what_was_seen_is_told_when_the_vantage_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    under_way, attempt = threading.Event(), _Tracing._attempt

    async def told(*arguments: object) -> Run:
        run = await attempt(*arguments)  # type: ignore[arg-type]
        under_way.set()
        return run

    monkeypatch.setattr(_Tracing, "_attempt", told)
    with ThreadPoolExecutor() as pool:
        with running("routed", "iptables") as lab:
            assert lab.snapshot
            traced = pool.submit(lab.trace, "svc/far", "pod/shop/client-1", repeat=MANY)
            assert under_way.wait(30)
        ended = traced.result(30)
    assert ended.lost is not None
    assert ended.trace.verdict == "delivered"
    assert ended.trace.notes[-1].startswith("vantage lost after ")
    assert len(ended.trace.paths) == 1
