"""What happened to the objects of each kind, as far back as it is remembered.

Every kind keeps its last `window` events. They feed watches that start in the past, and undone backwards they
give the list as it was, so that the pages of one list agree. What fell out is expired (410).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Literal, NamedTuple

from kinspect.lab import status
from kinspect.lab.status import Json

EventType = Literal["ADDED", "MODIFIED", "DELETED"]
Name = tuple[str, str]
"""Namespace ("" for kinds that have none) and name."""


class Event(NamedTuple):
    """One write. `object` is the state after it (before it, when DELETED), `before` what it replaced."""

    type: EventType
    kind: str
    object: Json
    before: Json | None
    version: int


class History:
    """The events of all kinds."""

    def __init__(self, kinds: Iterable[str], window: int) -> None:
        self._window = window
        self._events: dict[str, deque[Event]] = {kind: deque() for kind in kinds}
        self._expired_up_to: dict[str, int] = dict.fromkeys(self._events, 0)

    def add(self, event: Event) -> None:
        events = self._events[event.kind]
        events.append(event)
        while len(events) > self._window:
            self._expired_up_to[event.kind] = events.popleft().version

    def since(self, kind: str, version: int) -> list[Event]:
        """What happened to a kind after write number `version`. Raises Expired when that is forgotten."""
        oldest = self._expired_up_to[kind]
        if version < oldest:
            raise status.expired(f"too old resource version: {version} ({oldest})")
        return [event for event in self._events[kind] if event.version > version]

    def undo(self, kind: str, objects: dict[Name, Json], version: int) -> None:
        """Takes the objects of a kind back to how they were after that write. Raises Expired."""
        if version < self._expired_up_to[kind]:
            raise status.expired("The resourceVersion for the provided list is too old.")
        for event in reversed(self._events[kind]):
            if event.version <= version:
                break
            if event.before is None:
                objects.pop(name_of(event.object), None)
            else:
                objects[name_of(event.object)] = event.before

    def forget(self, version: int) -> None:
        """Nothing is remembered of the writes up to `version`."""
        for kind, events in self._events.items():
            events.clear()
            self._expired_up_to[kind] = version


def name_of(item: Json) -> Name:
    meta = item["metadata"]
    return meta.get("namespace", ""), meta["name"]
