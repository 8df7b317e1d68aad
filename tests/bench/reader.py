"""One reader of the large cluster in a process of its own.

`python -m tests.bench.reader WHO KUBECONFIG STARTED`

WHO is `kinspect`, `official`, or `bytes`: the official client again, asked for answers that nobody reads.
Prints JSON lines: what was reached, after how many seconds since STARTED (CLOCK_MONOTONIC, taken by the
parent before this process existed: all imports count), and the memory.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from pathlib import Path

OFFICIAL = ("services", "endpointslices", "nodes", "pods")


def say(what: str, started: float, **more: float) -> None:
    spent = {"after_s": round(time.monotonic() - started, 3), "cpu_s": round(time.process_time(), 3)}
    line = {"what": what, **spent, **memory(), **more}
    print(json.dumps(line), flush=True)


def memory() -> dict[str, float]:
    """Resident now and at most, in MB."""
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    return {
        "rss_mb": round(resident / 1e6, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1),
    }


async def kinspect(kubeconfig: str, started: float) -> None:
    """Reads, says the milestones, then counts how late a 60-a-second timer is until `end` comes on stdin."""
    from kinspect.inspection import Inspection
    from kinspect.sources.kube import open_cluster
    from kinspect.sources.options import ClusterOptions

    source = open_cluster(ClusterOptions(kubeconfig=kubeconfig), None)
    inspection = Inspection(source)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(inspection.run())
        snapshot, browsable = inspection.snapshot, False
        while not inspection._settled():
            snapshot = await inspection.changed(snapshot)
            if not browsable and snapshot.covers("Service") and snapshot.covers("EndpointSlice"):
                browsable = True
                say("browsable", started, services=len(snapshot.services))
        say("read", started, objects=sum(len(each) for each in snapshot.objects.values()))
        snapshot = await inspection.loaded()
        say("judged", started, judgments=len(snapshot.judgments))
        late = await _timer_until_told(group, inspection)
        say("followed", started, **late, newest=_newest(inspection.snapshot.pods))
        running.cancel()
        await source.aclose()


async def _timer_until_told(group: asyncio.TaskGroup, inspection: object) -> dict[str, float]:
    told = asyncio.Event()

    async def listen() -> None:
        await asyncio.to_thread(sys.stdin.readline)
        told.set()

    group.create_task(listen())
    late_ms, cpu = [], time.process_time()
    began = time.monotonic()
    while not told.is_set():
        due = time.monotonic() + 1 / 60
        await asyncio.sleep(1 / 60)
        late_ms.append((time.monotonic() - due) * 1000)
    late_ms.sort()
    share = (time.process_time() - cpu) / (time.monotonic() - began)
    return {"p95_late_ms": round(late_ms[int(len(late_ms) * 0.95)], 1), "cpu_share": round(share, 2)}


def _newest(pods: object) -> float:
    return max(int(each.metadata.resource_version) for each in pods.values())  # type: ignore[attr-defined]


def official(kubeconfig: str, started: float, objects: bool = True) -> None:
    """The official client's objects, page by page, as its users read; or only the bytes of the answers."""
    from kubernetes import client, config

    from kinspect.sources.decoding import continue_token

    say("imported", started)
    config.load_kube_config(kubeconfig)
    core, discovery = client.CoreV1Api(), client.DiscoveryV1Api()
    lists = {
        "services": core.list_service_for_all_namespaces,
        "endpointslices": discovery.list_endpoint_slice_for_all_namespaces,
        "nodes": core.list_node,
        "pods": core.list_pod_for_all_namespaces,
    }
    kept, size = [], 0
    for name in OFFICIAL:
        token: str | None = ""
        while token is not None:
            asked = {"_continue": token} if token else {}
            page = lists[name](limit=500, _preload_content=objects, **asked)
            if objects:
                kept += page.items
                token = page.metadata._continue or None
            else:
                size += len(page.data)
                token = continue_token(page.data) or None
    say("read", started, objects=len(kept), mb=size / 1e6)


if __name__ == "__main__":
    who, path, began = sys.argv[1:]
    if who == "kinspect":
        asyncio.run(kinspect(path, float(began)))
    else:
        official(path, float(began), objects=who == "official")
