"""The lab's objects, with the versions and the deletion rules of an API server; all in memory.

1. Objects are JSON dictionaries, shared with every reader: never change one in place, write a changed copy
   (`update` does both).
2. One counter numbers all writes. An object's resourceVersion is the number of its last write.
3. What happened to them, and how they were before, is told by the `history`.
4. What a kind requires beyond that (defaults, allocation, validation) is the room `admission/`.
5. Listeners are called synchronously, after the write. A listener that writes must do it later.

One event loop, no threads. Source of the semantics: apiserver's registry/generic/registry/store.go.
"""

from __future__ import annotations

import copy
import random
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from kinspect.lab import admission, objectmeta, status
from kinspect.lab.history import Event, EventType, History, Name, name_of
from kinspect.lab.resources import GATEWAY_RESOURCES, RESOURCES, Resource
from kinspect.lab.status import Json

__all__ = ["Event", "Events", "Name", "Store", "name_of"]

Listener = Callable[[Event], None]
Objects = list[Json]
Events = list[Event]


class Store:
    """All objects of one cluster. Raises `status.Rejection`, as the API would refuse, on a bad request."""

    def __init__(
        self,
        *,
        gateway_api: bool = False,
        node_ports: range = range(30_000, 32_768),
        window: int = 1_000,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        rng: random.Random | None = None,
    ) -> None:
        self.resources = {r.kind: r for r in RESOURCES + (GATEWAY_RESOURCES if gateway_api else ())}
        self.node_ports = node_ports
        self.version = 0
        self.clock = clock
        self.rng = rng or random.Random()
        # A stream of its own: one object more does not change the names of all that follow.
        self._uids = random.Random(self.rng.getrandbits(64))
        self._objects: dict[str, dict[Name, Json]] = {kind: {} for kind in self.resources}
        self._history = History(self.resources, window)
        self._listeners: list[Listener] = []

    # Reading

    def get(self, kind: str, namespace: str, name: str) -> Json:
        """The object. Raises NotFound."""
        found = self.find(kind, namespace, name)
        if found is None:
            raise status.not_found(self.resources[kind], name)
        return found

    def find(self, kind: str, namespace: str, name: str) -> Json | None:
        """The object, or None."""
        return self._objects[kind].get((namespace, name))

    def list(self, kind: str, namespace: str | None = None) -> Objects:
        """The objects of a kind in the API's order; `namespace` None = all."""
        return _ordered(self._objects[kind], namespace)

    def list_at(self, kind: str, namespace: str | None, version: int) -> Objects:
        """The list as it was after write number `version`. Raises Expired when that is forgotten."""
        objects = dict(self._objects[kind])
        self._history.undo(kind, objects, version)
        return _ordered(objects, namespace)

    def events_since(self, kind: str, version: int) -> Events:
        """What happened to a kind after write number `version`. Raises Expired when that is forgotten."""
        return self._history.since(kind, version)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Calls `listener` with every event from now on, until the returned function is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def compact(self) -> None:
        """Forgets all history: whoever watches or pages from an older version is told 410."""
        self._history.forget(self.version)

    # Writing

    def create(self, given: Json, *, dry_run: bool = False) -> Json:
        """Stores a new object and returns it as the API completes it: named, numbered, defaulted."""
        resource = self._resource_of(given)
        new = objectmeta.without_nulls(copy.deepcopy(given))
        objectmeta.complete_new(self, resource, new)
        meta = new["metadata"]
        namespace, name = meta.get("namespace", ""), meta["name"]
        if resource.namespaced:
            self._require_open_namespace(resource, namespace, name)
        if self.find(resource.kind, namespace, name) is not None:
            raise status.already_exists(resource, name)
        admission.admit(self, resource, None, new)
        if dry_run:
            return new
        stored = self._write("ADDED", resource, new, None)
        admission.after(self, resource, None, stored)
        return stored

    def replace(self, given: Json, subresource: str = "", *, dry_run: bool = False) -> Json:
        """Stores a new state of an object and returns it; equal to the old one, nothing is written.

        `subresource` "status" takes only the status from `given`, "" everything else.
        Raises Conflict when `given` carries another resourceVersion than the stored object's.
        """
        resource = self._resource_of(given)
        meta = given.get("metadata", {})
        old = self.get(resource.kind, meta.get("namespace", ""), meta.get("name", ""))
        new = objectmeta.merge_update(
            resource, old, objectmeta.without_nulls(copy.deepcopy(given)), subresource
        )
        if not subresource:
            admission.admit(self, resource, old, new)
            objectmeta.count_generation(resource, old, new)
        if new == old:
            return old
        if dry_run:
            return new
        if objectmeta.finished(new):
            self._remove(resource, new)
            return new
        stored = self._write("MODIFIED", resource, new, old)
        admission.after(self, resource, old, stored)
        return stored

    def update(
        self,
        kind: str,
        namespace: str,
        name: str,
        change: Callable[[Json], object],
        subresource: str = "",
    ) -> Json:
        """Applies `change` to a copy of the object and stores that. Raises NotFound."""
        new = copy.deepcopy(self.get(kind, namespace, name))
        change(new)
        return self.replace(new, subresource)

    def delete(
        self,
        kind: str,
        namespace: str,
        name: str,
        *,
        grace_s: int | None = None,
        finalizer: str = "",
    ) -> tuple[Json, bool]:
        """Deletes an object; returns its last state, and whether it is gone already.

        A scheduled pod stays for its grace period (`grace_s` None = its own), for its kubelet to end it; any
        object with a finalizer stays until that is taken away. `finalizer` is added first.
        """
        resource, old = self.resources[kind], self.get(kind, namespace, name)
        admission.admit_deletion(resource, old)
        grace = objectmeta.grace_of(old, grace_s)
        new = copy.deepcopy(old)
        meta = new["metadata"]
        if finalizer and finalizer not in meta.get("finalizers", ()):
            meta["finalizers"] = [*meta.get("finalizers", ()), finalizer]
        if grace == 0 and not objectmeta.held(new):
            self._remove(resource, new)
            return new, True
        earlier = meta.get("deletionGracePeriodSeconds")
        if "deletionTimestamp" not in meta or (earlier is not None and grace < earlier):
            meta["deletionTimestamp"] = self.time(timedelta(seconds=grace))
            meta["deletionGracePeriodSeconds"] = grace
            if resource.generation:
                meta["generation"] = meta.get("generation", 1) + 1
        objectmeta.order(meta)
        if kind == "Namespace":
            new["status"] = {**new.get("status", {}), "phase": "Terminating"}
        if new == old:
            return old, False
        return self._write("MODIFIED", resource, new, old), False

    # For admission and controllers

    def time(self, after: timedelta = timedelta(0)) -> str:
        """Now, or a while after, as the API writes it."""
        return (self.clock() + after).strftime("%Y-%m-%dT%H:%M:%SZ")

    def uid(self) -> str:
        return str(uuid.UUID(int=self._uids.getrandbits(128), version=4))

    def suffix(self, length: int = 5) -> str:
        """A random end for a name, of the letters that the API uses: no vowels, no look-alikes."""
        return "".join(self.rng.choices("bcdfghjklmnpqrstvwxz2456789", k=length))

    # Inside

    def _resource_of(self, given: Json) -> Resource:
        resource = self.resources.get(given.get("kind", ""))
        if resource is None or given.get("apiVersion") != resource.api_version:
            raise status.no_such_resource()
        return resource

    def _require_open_namespace(self, resource: Resource, namespace: str, name: str) -> None:
        found = self.find("Namespace", "", namespace)
        if found is None:
            raise status.not_found(self.resources["Namespace"], namespace)
        if "deletionTimestamp" in found["metadata"]:
            reason = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise status.forbidden(resource, name, reason)

    def _write(self, event_type: EventType, resource: Resource, new: Json, before: Json | None) -> Json:
        self.version += 1
        new["metadata"]["resourceVersion"] = str(self.version)
        objectmeta.order(new["metadata"])
        self._objects[resource.kind][name_of(new)] = new
        self._publish(Event(event_type, resource.kind, new, before, self.version))
        return new

    def _remove(self, resource: Resource, last: Json) -> None:
        before = self._objects[resource.kind].pop(name_of(last))
        self.version += 1
        last["metadata"]["resourceVersion"] = str(self.version)
        objectmeta.order(last["metadata"])
        self._publish(Event("DELETED", resource.kind, last, before, self.version))
        admission.after(self, resource, before, None)

    def _publish(self, event: Event) -> None:
        self._history.add(event)
        for listener in tuple(self._listeners):
            listener(event)


def _ordered(objects: dict[Name, Json], namespace: str | None) -> Objects:
    """In the order of etcd's keys, in which `/` ends the namespace."""
    names: Iterable[Name] = objects if namespace is None else (n for n in objects if n[0] == namespace)
    return [objects[name] for name in sorted(names, key="/".join)]
