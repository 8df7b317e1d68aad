"""One object in full, and its events: what the API answers, made fit to be shown. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from kinspect.model import yaml
from kinspect.model.meta import Ref
from kinspect.sources import Event

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
MASK = "(hidden)"


class _Time(msgspec.Struct, rename="camel"):
    last_observed_time: str | None = None


class _Event(msgspec.Struct, rename="camel"):
    type: str | None = ""
    reason: str | None = ""
    message: str | None = ""
    count: int | None = None
    first_timestamp: str | None = None
    last_timestamp: str | None = None
    event_time: str | None = None
    series: _Time | None = None
    reporting_component: str | None = ""
    source: dict[str, str] | None = None


class _EventList(msgspec.Struct):
    items: tuple[_Event, ...] | None = ()


def shown_yaml(body: bytes) -> str:
    """The object as YAML, in the API's order, without bookkeeping and secret values. Raises: NOT_JSON."""
    document = msgspec.json.decode(body)
    return yaml.dump(_shown(document) if isinstance(document, dict) else document)


def _shown(document: dict[str, Any]) -> dict[str, Any]:
    metadata = document.get("metadata")
    if isinstance(metadata, dict):
        metadata.pop("managedFields", None)
        annotations = metadata.get("annotations")
        if isinstance(annotations, dict) and annotations.pop(LAST_APPLIED, None) and not annotations:
            del metadata["annotations"]
    if document.get("kind") == "Secret":
        for part in ("data", "stringData"):
            if isinstance(document.get(part), dict):
                document[part] = dict.fromkeys(document[part], MASK)
    return document


def events_query(ref: Ref, uid: str) -> dict[str, str]:
    """The parameters that ask for the events about one object.

    By UID, so that a namesake's are not shown. But kubelets write a node's name where its UID belongs.
    """
    about = f"involvedObject.kind=Node,involvedObject.name={ref.name}"
    return {"fieldSelector": about if ref.kind == "Node" else f"involvedObject.uid={uid}", "limit": "100"}


def events(body: bytes) -> tuple[Event, ...]:
    """The events in a list answer, newest first. Raises: decoding.NOT_JSON."""
    found = [_event(each) for each in msgspec.json.decode(body, type=_EventList).items or ()]
    return tuple(sorted(found, key=lambda each: each.last_seen, reverse=True))


def _event(raw: _Event) -> Event:
    observed = raw.series.last_observed_time if raw.series else None
    last_seen = observed or raw.last_timestamp or raw.event_time or raw.first_timestamp or ""
    source = raw.reporting_component or (raw.source or {}).get("component", "")
    return Event(raw.type or "", raw.reason or "", raw.message or "", last_seen, raw.count or 1, source)
