"""The lab: how long until it is ready, from nothing to the last rule, and what it weighs."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from kinspect.lab.supervisor import Lab, Wishes, open_lab
from tests.bench.report import Row, Section, below
from tests.lab.labcommand import descendants

BOOTS = 5
SYSTEM_PODS = 3
MEMORY_GIB = 4.0


def run() -> Section:
    boots = sorted(asyncio.run(_boot(20)) for _ in range(BOOTS))
    many_s, one_more_s, processes, memory_kib = asyncio.run(_many(200))
    return Section(
        "lab",
        "The lab",
        (
            below(f"3 nodes and 20 pods ready, median of {BOOTS}", boots[BOOTS // 2], "s", 5),
            Row("the same, best and worst", f"{boots[0]:.2f} s, {boots[-1]:.2f} s"),
            Row("3 nodes and 200 pods ready", f"{many_s:.2f} s"),
            below("all processes of it (proportional set size)", memory_kib / 1024 / 1024, "GiB", MEMORY_GIB),
            Row("one more pod ready, with the rules of all nodes", f"{one_more_s * 1000:.0f} ms"),
        ),
        (f"{processes} processes with 200 pods. Ready: pods run, rules and routes are loaded.",),
    )


async def _boot(pods: int) -> float:
    began = time.monotonic()
    async with open_lab(Wishes(objects=_objects(pods))):
        return time.monotonic() - began


async def _many(pods: int) -> tuple[float, float, int, int]:
    began = time.monotonic()
    async with open_lab(Wishes(objects=_objects(pods))) as lab:
        ready_s = time.monotonic() - began
        inside = descendants(lab.ground.watcher)
        weight = sum(map(_weight_kib, inside))
        return ready_s, await _one_more(lab), len(inside), weight


async def _one_more(lab: Lab) -> float:
    began = time.monotonic()
    replicas = lab.store.get("Deployment", "shop", "web")["spec"]["replicas"]
    lab.store.update("Deployment", "shop", "web", lambda item: item["spec"].update(replicas=replicas + 1))
    await lab.settled()
    return time.monotonic() - began


def _weight_kib(process: int) -> int:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _objects(pods: int) -> list[dict[str, Any]]:
    labels = {"app": "web"}
    container = {"name": "echo", "image": "echo", "ports": [{"name": "http", "containerPort": 8080}]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": pods - SYSTEM_PODS, "selector": {"matchLabels": labels}, "template": template}
    meta = {"name": "web", "namespace": "shop"}
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"selector": labels, "ports": ports},
        },
    ]
