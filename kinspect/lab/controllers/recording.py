"""Events: what a controller tells about an object, counted up when it is told again."""

from __future__ import annotations

from kinspect.lab.status import Json
from kinspect.lab.store import Store


def record(store: Store, about: Json, severity: str, reason: str, message: str, component: str) -> None:
    """Writes an event about an object; `severity` is Normal or Warning."""
    meta, now = about["metadata"], store.time()
    namespace = meta.get("namespace") or "default"
    subject = {"kind": about["kind"], "namespace": namespace, "name": meta["name"], "uid": meta["uid"]}
    subject["apiVersion"] = about["apiVersion"]
    for event in store.list("Event", namespace):
        if (event.get("involvedObject") or {}).get("uid") == meta["uid"] and event.get("message") == message:
            count = event["count"] + 1
            store.replace({**event, "count": count, "lastTimestamp": now})
            return
    store.create(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{meta['name']}.{store.version:016x}", "namespace": namespace},
            "involvedObject": subject,
            "reason": reason,
            "message": message,
            "source": {"component": component},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": severity,
            "eventTime": None,
            "reportingComponent": component,
            "reportingInstance": "",
        }
    )
