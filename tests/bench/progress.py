"""What a reader can show while it reads: every count of every kind, and when it was told.

`python -m tests.bench.progress KUBECONFIG STARTED` prints one JSON line: [after_s, kind, count, expected] …
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from kinspect.inspection import Inspection
from kinspect.sources.kube import open_cluster
from kinspect.sources.options import ClusterOptions


async def told(kubeconfig: str, started: float) -> list[tuple[float, str, int, int]]:
    source = open_cluster(ClusterOptions(kubeconfig=kubeconfig), None)
    inspection = Inspection(source)
    counts: list[tuple[float, str, int, int]] = []
    async with asyncio.TaskGroup() as group:
        running = group.create_task(inspection.run())
        before = inspection.snapshot
        while not before.covers("Pod"):
            snapshot = await inspection.changed(before)
            for kind, coverage in snapshot.coverage.items():
                if coverage.state == "loading" and coverage != before.coverage.get(kind):
                    after_s = round(time.monotonic() - started, 3)
                    counts.append((after_s, kind, coverage.count, coverage.expected))
            before = snapshot
        running.cancel()
        await source.aclose()
    return counts


if __name__ == "__main__":
    path, began = sys.argv[1:]
    print(json.dumps(asyncio.run(told(path, float(began)))))
