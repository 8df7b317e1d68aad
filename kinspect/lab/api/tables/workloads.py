"""The columns of pods and of the workloads that make them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kinspect.lab.api.tables.column import AGE, NAME, NONE, Column, at, labels, selector
from kinspect.lab.podstatus import containers
from kinspect.lab.status import Json


def _pod_ready(item: Json, now: datetime) -> str:
    statuses = item["status"].get("containerStatuses") or ()
    declared = containers(item) if item["spec"].get("containers") else ()
    return f"{sum(bool(each.get('ready')) for each in statuses)}/{len(declared)}"


def _pod_status(item: Json, now: datetime) -> str:
    if "deletionTimestamp" in item["metadata"]:
        return "Terminating"
    for each in item["status"].get("containerStatuses") or ():
        for state in ("waiting", "terminated"):
            reason = (each.get("state", {}).get(state) or {}).get("reason")
            if reason:
                return str(reason)
    return str(item["status"].get("reason") or item["status"].get("phase", ""))


def _restarts(item: Json, now: datetime) -> str:
    return str(sum(each.get("restartCount", 0) for each in item["status"].get("containerStatuses") or ()))


def _gates(item: Json, now: datetime) -> str:
    gates = [gate["conditionType"] for gate in item["spec"].get("readinessGates") or ()]
    if not gates:
        return NONE
    holding = {c["type"] for c in item["status"].get("conditions") or () if c["status"] == "True"}
    return f"{sum(gate in holding for gate in gates)}/{len(gates)}"


def _ready_of(item: Json, now: datetime) -> str:
    return f"{item['status'].get('readyReplicas', 0)}/{item['spec'].get('replicas', 0)}"


def _of_containers(field: str) -> Column:
    def cell(item: Json, now: datetime) -> str:
        declared = item["spec"]["template"]["spec"]["containers"] or ()
        return ",".join(each.get(field, "") for each in declared)

    return Column("Containers" if field == "name" else "Images", cell, wide=True)


def _count(name: str, *path: str) -> Column:
    def cell(item: Json, now: datetime) -> Any:
        return at(*path, default=0)(item, now)

    return Column(name, cell, type="integer")


def _text_count(name: str, *path: str) -> Column:
    return _count(name, *path)._replace(type="string")


_SELECTOR = Column("Selector", lambda item, now: selector(item["spec"].get("selector")), wide=True)
_CONTAINERS = (_of_containers("name"), _of_containers("image"))

COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "Pod": (
        NAME,
        Column("Ready", _pod_ready),
        Column("Status", _pod_status),
        Column("Restarts", _restarts),
        AGE,
        Column("IP", at("status", "podIP", default=NONE), wide=True),
        Column("Node", at("spec", "nodeName", default=NONE), wide=True),
        Column("Nominated Node", at("status", "nominatedNodeName", default=NONE), wide=True),
        Column("Readiness Gates", _gates, wide=True),
    ),
    "Deployment": (
        NAME,
        Column("Ready", _ready_of),
        _text_count("Up-to-date", "status", "updatedReplicas"),
        _text_count("Available", "status", "availableReplicas"),
        AGE,
        *_CONTAINERS,
        _SELECTOR,
    ),
    "ReplicaSet": (
        NAME,
        _count("Desired", "spec", "replicas"),
        _count("Current", "status", "replicas"),
        _count("Ready", "status", "readyReplicas"),
        AGE,
        *_CONTAINERS,
        _SELECTOR,
    ),
    "StatefulSet": (NAME, Column("Ready", _ready_of), AGE, *_CONTAINERS),
    "DaemonSet": (
        NAME,
        _count("Desired", "status", "desiredNumberScheduled"),
        _count("Current", "status", "currentNumberScheduled"),
        _count("Ready", "status", "numberReady"),
        _count("Up-to-date", "status", "updatedNumberScheduled"),
        _count("Available", "status", "numberAvailable"),
        Column(
            "Node Selector", lambda item, now: labels(item["spec"]["template"]["spec"].get("nodeSelector"))
        ),
        AGE,
        *_CONTAINERS,
        _SELECTOR,
    ),
}
