"""A lab beside a test, in its own thread, with what a test wants of it: snapshots, traces, faults."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pytest

from kinspect.asks.trace import TraceAsk, Traced, trace
from kinspect.errors import KinspectError, NotPermitted
from kinspect.inspection import Inspection
from kinspect.lab import faults, manifests, places
from kinspect.lab.supervisor import Lab, Wishes, open_lab
from kinspect.model.snapshot import Snapshot
from kinspect.sources.kube import open_cluster
from kinspect.sources.options import ClusterOptions

MANIFESTS = Path(__file__).with_name("grounds.yaml")
Answer = TypeVar("Answer")
BOOT_S = 60.0


class RunningLab:
    """Made by `running`. Every call is carried out in the lab's own loop."""

    def __init__(self, lab: Lab, loop: asyncio.AbstractEventLoop) -> None:
        self.lab = lab
        self._loop = loop

    def do(self, work: Coroutine[Any, Any, Answer], timeout_s: float = 30.0) -> Answer:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    @cached_property
    def snapshot(self) -> Snapshot:
        """Everything that the API says, read once: what breaks here is the network, not the objects."""
        return self.read()

    def read(self) -> Snapshot:
        """Everything that the API says now."""

        async def read() -> Snapshot:
            source = open_cluster(ClusterOptions(kubeconfig=str(self.lab.kubeconfig)), None)
            inspection = Inspection(source)
            async with asyncio.TaskGroup() as tasks:
                task = tasks.create_task(inspection.run())
                loaded = await inspection.loaded()
                task.cancel()
                await source.aclose()
            return loaded

        return asyncio.run(read())

    def trace(self, target: str, vantage: str, **more: Any) -> Traced:
        ask = TraceAsk(target, vantage, namespace="shop", **more)
        return asyncio.run(trace(self.snapshot, ask))

    @contextmanager
    def broken(self, name: str) -> Iterator[str]:
        fault = faults.named(name)
        told = self.do(fault.breaks(self.lab))
        try:
            yield told
        finally:
            self.do(fault.heals(self.lab))

    def ask(self, vantage: str, address: str, port: int) -> dict[str, Any]:
        """What the echo server behind an address says: who it is, and whom it sees. Not by our own trace."""
        code = (
            "import socket,sys\n"
            f"s=socket.create_connection(({address!r},{port}),2)\n"
            "s.sendall(b'who\\n')\n"
            "print(s.makefile().readline())\n"
        )
        place = places.parse(vantage)
        outcome = self.do(self.lab.ground.run(place, ["python3", "-c", code]))
        assert outcome.code == 0, outcome.stderr
        answer: dict[str, Any] = json.loads(outcome.stdout)
        return answer


@contextmanager
def running(cni: str, proxy: str, manifest: Path = MANIFESTS) -> Iterator[RunningLab]:
    """A lab of two nodes until the context ends. Skips where this machine does not allow one."""
    started = threading.Event()
    told: dict[str, Any] = {}

    async def live() -> None:
        told["stop"] = asyncio.Event()
        told["loop"] = asyncio.get_running_loop()
        try:
            wishes = Wishes(2, cni, proxy, manifests.read([str(manifest)]))  # type: ignore[arg-type]
            async with open_lab(wishes) as lab:
                told["lab"] = lab
                started.set()
                await told["stop"].wait()
        except KinspectError as error:
            told["error"] = error
            started.set()

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    try:
        assert started.wait(BOOT_S), "the lab did not boot"
        error = told.get("error")
        if isinstance(error, NotPermitted):
            pytest.skip(error.message)
        if error is not None:
            raise error
        yield RunningLab(told["lab"], told["loop"])
    finally:
        if "loop" in told and "lab" in told:
            told["loop"].call_soon_threadsafe(told["stop"].set)
        thread.join(BOOT_S)
