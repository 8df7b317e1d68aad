"""The screen while the large cluster changes 3,000 times a second, with all rules running on one core.

A frame is late by what passes from the moment at which its tick was due until its picture has been written
for the terminal. The app is the real one, without a terminal, at 160×48, with 10,000 Services open in their
namespaces; the objects are decoded beforehand, for reading has a benchmark of its own.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import statistics
import sys
from collections.abc import AsyncIterator, Iterator
from time import monotonic, perf_counter, process_time
from typing import Any

from kinspect.inspection import Inspection
from kinspect.model.change import Change, Covered, Upsert
from kinspect.model.coverage import Coverage
from kinspect.model.decoding import decode
from kinspect.model.kinds import KINDS
from kinspect.model.meta import Object, Ref
from kinspect.model.sharing import Sharing
from kinspect.sources import Detail
from kinspect.tui.app import KinspectApp
from kinspect.tui.main import TICK_S
from kinspect.tui.options import TuiOptions
from tests.bench import objects
from tests.bench.report import Row, Section, below

EVENTS_PER_S = 3_000
BATCHES_PER_S = 50
MEASURED_S = 20.0
SIZE = objects.FULL


def run() -> Section:
    cluster = Cluster(SIZE)
    frames = asyncio.run(_watch(cluster))
    late = sorted(frames.late_ms)
    rows = (
        below("a frame, p95", late[int(len(late) * 0.95)], "ms", 60),
        Row("a frame, median", f"{statistics.median(late):.3g} ms"),
        Row("processor time in a frame, p95", f"{sorted(frames.cpu_ms)[int(len(late) * 0.95)]:.3g} ms"),
        Row("a frame, the worst", f"{late[-1]:.3g} ms"),
        Row("frames drawn a second", f"{len(late) / MEASURED_S:.3g}"),
        Row("events taken in a second", f"{frames.events / MEASURED_S:,.0f}"),
        Row("objects still to be judged at the end", f"{frames.pending:,}"),
        Row("one core used", f"{100 * frames.cpu_s / MEASURED_S:.0f} %"),
        Row("rows in the tree", f"{frames.rows:,}"),
        Row("resident at the most", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB"),
    )
    return Section("frames", f"The screen at {EVENTS_PER_S:,} events/s", rows)


class Cluster:
    """The source: the whole cluster at once, then changes at an even pace, for as long as anybody listens."""

    title, live, namespace, kinds = "cluster bench", True, "default", tuple(KINDS)

    def __init__(self, size: objects.Size) -> None:
        self._size = size
        sharing = Sharing()
        self._pages = [
            Upsert(kind, tuple(sharing.share(each) for each in self._made(kind, 0)))
            for kind in ("Service", "EndpointSlice", "Node", "Pod")
        ]
        self._changes = [
            Upsert(kind, (each,)) for kind in ("Pod", "EndpointSlice") for each in self._made(kind, 1)
        ]
        self.said = 0
        self.flowing = asyncio.Event()

    def _made(self, kind: str, version: int) -> Iterator[Object]:
        size = self._size
        make: dict[str, tuple[int, Any]] = {
            "Service": (size.services, lambda n: objects.service(n, version)),
            "EndpointSlice": (size.slices, lambda n: objects.slice_(n, size, version)),
            "Node": (size.nodes, lambda n: objects.node(n, version)),
            "Pod": (size.pods, lambda n: objects.pod(n, size, version)),
        }
        count, of = make[kind]
        for number in range(0, count, 1 if version == 0 else 3):
            found = decode(KINDS[kind], objects.encoded(of(number)))
            assert isinstance(found, Object)
            yield found

    async def changes(self) -> AsyncIterator[tuple[Change, ...]]:
        yield tuple(self._pages)
        yield tuple(Covered(kind, Coverage("given")) for kind in KINDS)
        await self.flowing.wait()
        each, began = EVENTS_PER_S // BATCHES_PER_S, monotonic()
        while True:
            at = self.said % len(self._changes)
            yield tuple(self._changes[at : at + each])
            self.said += each
            await asyncio.sleep(max(0.0, began + self.said / EVENTS_PER_S - monotonic()))

    async def detail(self, ref: Ref) -> Detail:
        return Detail("", (), True, "")

    async def aclose(self) -> None:
        pass


class Frames(KinspectApp):
    """The app, that notes how late each of its frames was."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(lambda context: Inspection(cluster), TuiOptions())
        self.late_ms: list[float] = []
        self.cpu_ms: list[float] = []
        """Processor time from a tick to its picture, with whatever else came in between."""
        self.began_cpu = 0.0
        self.due = 0.0
        self.measuring = False
        self.events = 0
        self.cpu_s = 0.0
        self.pending = 0
        self.rows = 0

    def on_mount(self) -> None:
        tick, last = self.main.tick, perf_counter()

        def timed() -> None:
            nonlocal last
            now = perf_counter()
            self.due, last = min(now, last + TICK_S), now
            self.began_cpu = process_time()
            tick()

        self.main.tick = timed  # type: ignore[method-assign]

    def _display(self, screen: Any, renderable: Any) -> None:
        super()._display(screen, renderable)
        if self.measuring:
            self.late_ms.append((perf_counter() - self.due) * 1000)
            self.cpu_ms.append((process_time() - self.began_cpu) * 1000)


async def _watch(cluster: Cluster) -> Frames:
    app = Frames(cluster)
    async with app.run_test(size=(160, 48)) as pilot:
        async with asyncio.timeout(300):
            while app.main.shown is None or app.main.shown.pending or not app.main.shown.services:
                await pilot.pause(0.1)
        gc.collect()
        gc.freeze()
        cluster.flowing.set()
        await asyncio.sleep(2.0)
        said, began = cluster.said, resource.getrusage(resource.RUSAGE_SELF).ru_utime
        app.measuring = True
        await asyncio.sleep(MEASURED_S)
        app.measuring = False
        app.events = cluster.said - said
        app.cpu_s = resource.getrusage(resource.RUSAGE_SELF).ru_utime - began
        app.pending = app.main.shown.pending if app.main.shown else 0
        app.rows = app.main.query_one("#services").count  # type: ignore[attr-defined]
    return app


if __name__ == "__main__":
    sys.exit("python -m tests.bench frames")
