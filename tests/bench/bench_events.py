"""One watch event, from its bytes to the index and the judge's notes, in a fifth of the large cluster."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from kinspect.inspection import Inspection
from kinspect.model.change import Covered, Upsert
from kinspect.model.coverage import Coverage
from kinspect.model.decoding import decode
from kinspect.model.kinds import KINDS, Kind
from kinspect.model.meta import Object
from kinspect.model.sharing import Sharing
from kinspect.sources import decoding
from kinspect.sources.messages import Batch, Page, Put
from kinspect.sources.watcher import Watcher
from tests.bench import objects
from tests.bench.report import Row, Section, below

SIZE = objects.FULL.scaled(5)
EVENTS, BATCH = 2_000, 25
MAKE: dict[str, tuple[int, Callable[[int, int], dict[str, Any]]]] = {
    "Service": (SIZE.services, objects.service),
    "EndpointSlice": (SIZE.slices, lambda number, version: objects.slice_(number, SIZE, version)),
    "Node": (SIZE.nodes, objects.node),
    "Pod": (SIZE.pods, lambda number, version: objects.pod(number, SIZE, version)),
}


def run() -> Section:
    inspection = Inspection(None)
    folder, snapshot, sharing = inspection._folder, inspection.snapshot, Sharing()
    folder.fold(tuple(Covered(kind, Coverage("given")) for kind in KINDS), snapshot.index)
    for name in MAKE:
        folder.fold((Upsert(name, tuple(_loaded(KINDS[name], sharing))),), snapshot.index)
    snapshot = folder.publish(snapshot, 0.0)
    gc.collect()
    gc.freeze()
    rows = []
    for name in MAKE:
        each_us = _events(KINDS[name], folder, sharing, snapshot)
        rows.append(below(f"{name}: decode, share, fold, index, note", each_us, "µs", 50))
    began = time.perf_counter()
    folder.publish(snapshot, 0.0)
    rows.append(Row("publishing after 8,000 events", f"{(time.perf_counter() - began) * 1000:.2g} ms"))
    return Section(
        "events", "One event", tuple(rows), (f"{EVENTS:,} MODIFIED events of each kind, median of 20.",)
    )


def _loaded(kind: Kind, sharing: Sharing) -> list[Object]:
    count, make = MAKE[kind.name]
    found = [decode(kind, objects.encoded(make(number, 0))) for number in range(count)]
    return [sharing.share(each) for each in found if isinstance(each, Object)]


def _events(kind: Kind, folder: Any, sharing: Sharing, snapshot: Any) -> float:
    """Microseconds for one event, as a watch brings them: in batches."""
    count, make = MAKE[kind.name]
    lines = [
        objects.encoded({"type": "MODIFIED", "object": make(number * 7 % count, 2_000_000 + number)})
        for number in range(EVENTS)
    ]
    now, watcher, took = datetime.now(UTC), Watcher(kind, None), []
    watcher.step(Page((), (), "1"), now, 0.5)
    for start in range(0, EVENTS, BATCH):
        began = time.perf_counter()
        events = tuple(decoding.event(kind, line) for line in lines[start : start + BATCH])
        for event in events:
            assert isinstance(event, Put)
            sharing.share(event.object)
        folder.fold(watcher.step(Batch(events), now, 0.5).changes, snapshot.index)
        took.append((time.perf_counter() - began) / BATCH)
    return min(took) * 1e6
