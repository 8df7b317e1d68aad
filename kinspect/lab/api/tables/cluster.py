"""The columns of nodes, namespaces, events and stored data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from kinspect.lab.api.tables.column import AGE, NAME, NONE, UNKNOWN, Column, at, since
from kinspect.lab.status import Json

_ROLE = "node-role.kubernetes.io/"


def _node_status(item: Json, now: datetime) -> str:
    conditions = item.get("status", {}).get("conditions") or ()
    ready = next((c["status"] for c in conditions if c["type"] == "Ready"), None)
    told = [UNKNOWN.strip("<>").capitalize() if ready is None else "Ready" if ready == "True" else "NotReady"]
    if item.get("spec", {}).get("unschedulable"):
        told.append("SchedulingDisabled")
    return ",".join(told)


def _roles(item: Json, now: datetime) -> str:
    names = (label.removeprefix(_ROLE) for label in item["metadata"].get("labels", {}) if _ROLE in label)
    return ",".join(sorted(names)) or NONE


def _address(kind: str) -> Column:
    def cell(item: Json, now: datetime) -> str:
        addresses = item.get("status", {}).get("addresses") or ()
        return next((str(a["address"]) for a in addresses if a["type"] == kind), NONE)

    return Column(kind.replace("IP", "-IP"), cell, wide=True)


def _kernel(item: Json, now: datetime) -> str:
    info = item.get("status", {}).get("nodeInfo", {})
    version = info.get("kernelVersion") or UNKNOWN
    return f"{version} ({info['architecture']})" if info.get("architecture") else version


def _event_object(item: Json, now: datetime) -> str:
    about = item.get("involvedObject", {})
    return f"{about.get('kind', '').lower()}/{about.get('name', '')}"


def _seen(field: str) -> Column:
    def cell(item: Json, now: datetime) -> str:
        return since(item.get(field) or item.get("eventTime"), now)

    return Column("Last Seen" if field == "lastTimestamp" else "First Seen", cell, wide=field[0] == "f")


_INFO = ("status", "nodeInfo")

COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "Node": (
        NAME,
        Column("Status", _node_status),
        Column("Roles", _roles),
        AGE,
        Column("Version", at(*_INFO, "kubeletVersion")),
        _address("InternalIP"),
        _address("ExternalIP"),
        Column("OS-Image", at(*_INFO, "osImage", default=UNKNOWN), wide=True),
        Column("Kernel-Version", _kernel, wide=True),
        Column("Container-Runtime", at(*_INFO, "containerRuntimeVersion", default=UNKNOWN), wide=True),
    ),
    "Namespace": (NAME, Column("Status", at("status", "phase")), AGE),
    "Event": (
        _seen("lastTimestamp"),
        Column("Type", at("type")),
        Column("Reason", at("reason")),
        Column("Object", _event_object),
        Column("Subobject", at("involvedObject", "fieldPath"), wide=True),
        Column("Source", at("source", "component"), wide=True),
        Column("Message", lambda item, now: item.get("message", "").strip()),
        _seen("firstTimestamp"),
        Column("Count", at("count", default=1), wide=True),
        Column("Name", at("metadata", "name"), wide=True),
    ),
    "ConfigMap": (NAME, Column("Data", lambda item, now: len(item.get("data") or {})), AGE),
    "Secret": (
        NAME,
        Column("Type", at("type")),
        Column("Data", lambda item, now: len(item.get("data") or {})),
        AGE,
    ),
    "ServiceAccount": (NAME, AGE),
}
