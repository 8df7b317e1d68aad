"""Watches: what happened since a version, then what happens, with bookmarks; one generator per watch.

1. Without a resourceVersion, or with "0", a watch first tells the present objects as ADDED.
2. With `sendInitialEvents` too, and then a bookmark marked `k8s.io/initial-events-end`.
3. With a selector, an object that starts or stops passing it is ADDED or DELETED, whatever happened to it.
4. Too old a version is an ERROR event inside a 200, and the end; one from the future is silence.

Source: apiserver's storage/cacher and recorded streams of a Kubernetes 1.36.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple

from kinspect.lab import selectors, status
from kinspect.lab.api import listing
from kinspect.lab.api.requests import flag
from kinspect.lab.resources import Resource
from kinspect.lab.status import Json
from kinspect.lab.store import Event, Store

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class Told(NamedTuple):
    """One line of a watch: ADDED, MODIFIED, DELETED, BOOKMARK or ERROR, and its object."""

    type: str
    object: Json


class Watch(NamedTuple):
    """A watch that was asked for. `start` None = from the present objects on."""

    resource: Resource
    namespace: str | None
    start: int | None
    initial: bool
    marked: bool
    bookmarks: bool
    timeout_s: float
    chosen: selectors.Test


def parse(resource: Resource, namespace: str | None, query: Mapping[str, str], longest_s: float) -> Watch:
    """Reads the query of a watch. Raises Invalid or BadRequest."""
    asked = listing.options(query)
    send = flag(query, "sendInitialEvents")
    if send and asked.match != "NotOlderThan":
        message = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        raise listing.invalid_options(("resourceVersionMatch", message))
    if asked.match and "sendInitialEvents" not in query:
        message = (
            "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        )
        raise listing.invalid_options(("resourceVersionMatch", message))
    unset = not asked.version
    seconds = query.get("timeoutSeconds", "")
    bookmarks = flag(query, "allowWatchBookmarks")
    return Watch(
        resource,
        namespace,
        asked.version if send or not unset else None,
        send or (unset and "sendInitialEvents" not in query),
        send and bookmarks,
        bookmarks,
        min(float(seconds), longest_s) if seconds.isdigit() and int(seconds) else longest_s,
        listing.selection(resource, asked),
    )


async def stream(store: Store, watch: Watch, bookmark_every_s: float) -> AsyncIterator[Told]:
    """Yields the lines of a watch until its time is over; ends after an ERROR."""
    kind = watch.resource.kind
    queue: asyncio.Queue[Event] = asyncio.Queue()
    stop = store.listen(lambda event: queue.put_nowait(event) if event.kind == kind else None)
    loop = asyncio.get_running_loop()
    end = loop.time() + watch.timeout_s
    try:
        try:
            first = _first(store, watch)
        except status.Rejection as rejection:
            yield Told("ERROR", rejection.status)
            return
        for line in first:
            yield line
        silent_up_to = 0 if watch.initial else watch.start or 0
        next_bookmark = loop.time() + bookmark_every_s if watch.bookmarks else end
        while loop.time() < end:
            try:
                async with asyncio.timeout_at(min(end, next_bookmark)):
                    event = await queue.get()
            except TimeoutError:
                if loop.time() < end:
                    # The queue is empty: all that happened to this kind has been told.
                    yield bookmark(watch.resource, store.version)
                    next_bookmark = loop.time() + bookmark_every_s
                continue
            if event.version > silent_up_to and (told := _tell(watch, event)):
                yield told
    finally:
        stop()


def bookmark(resource: Resource, version: int, *, ends_initial: bool = False) -> Told:
    """A line that only says how far the watch has come, with the empty members that typed kinds print."""
    meta: Json = {"resourceVersion": str(version)}
    if ends_initial:
        meta["annotations"] = {INITIAL_EVENTS_END: "true"}
    item: Json = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": meta}
    return Told("BOOKMARK", item | _EMPTY.get(resource.kind, {}))


def _first(store: Store, watch: Watch) -> list[Told]:
    kind, start = watch.resource.kind, watch.start
    if watch.initial:
        if start is not None and start > store.version:
            raise status.version_too_large(start, store.version)
        present = [item for item in store.list(kind, watch.namespace) if watch.chosen(item)]
        lines = [Told("ADDED", item) for item in present]
        if watch.marked:
            lines.append(bookmark(watch.resource, store.version, ends_initial=True))
        return lines
    past = store.events_since(kind, store.version if start is None else start)
    return [told for event in past if (told := _tell(watch, event))]


def _tell(watch: Watch, event: Event) -> Told | None:
    """The line for an event, or None when the watcher does not see the object."""
    namespace = event.object["metadata"].get("namespace")
    if watch.namespace is not None and namespace != watch.namespace:
        return None
    seen = event.before is not None and watch.chosen(event.before)
    sees = event.type != "DELETED" and watch.chosen(event.object)
    if sees:
        return Told("MODIFIED" if seen else "ADDED", event.object)
    if not seen:
        return None
    if event.type == "DELETED":
        return Told("DELETED", event.object)
    # It left the selection: its old state is told, with the version of the change that took it out.
    left = dict(event.before or {})
    left["metadata"] = {**left["metadata"], "resourceVersion": str(event.version)}
    return Told("DELETED", left)


_POD_SPEC: Json = {"containers": None}
_WORKLOAD: Json = {"selector": None, "template": {"metadata": {}, "spec": _POD_SPEC}}
_EMPTY: Mapping[str, Json] = {
    "Service": {"spec": {}, "status": {"loadBalancer": {}}},
    "Pod": {"spec": _POD_SPEC, "status": {}},
    "Node": {"spec": {}, "status": {"daemonEndpoints": {"kubeletEndpoint": {"Port": 0}}, "nodeInfo": {}}},
    "Namespace": {"spec": {}, "status": {}},
    "EndpointSlice": {"addressType": "", "endpoints": None, "ports": None},
    "Ingress": {"spec": {}, "status": {"loadBalancer": {}}},
    "IngressClass": {"spec": {}},
    "NetworkPolicy": {"spec": {"podSelector": {}}},
    "ServiceCIDR": {"spec": {}, "status": {}},
    "Deployment": {"spec": {**_WORKLOAD, "strategy": {}}, "status": {}},
    "ReplicaSet": {"spec": {"selector": None, "template": _WORKLOAD["template"]}, "status": {"replicas": 0}},
    "StatefulSet": {
        "spec": {**_WORKLOAD, "serviceName": "", "updateStrategy": {}},
        "status": {"replicas": 0, "availableReplicas": 0},
    },
    "DaemonSet": {
        "spec": {**_WORKLOAD, "updateStrategy": {}},
        "status": {
            "currentNumberScheduled": 0,
            "numberMisscheduled": 0,
            "desiredNumberScheduled": 0,
            "numberReady": 0,
        },
    },
}
