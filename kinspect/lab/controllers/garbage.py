"""The garbage collector: what is owned goes with its owner. Source: pkg/controller/garbagecollector.

In the background it goes after the owner; in the foreground the owner stays, by a finalizer, until it is
gone; to orphan, by another finalizer, it forgets its owner first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kinspect.lab.status import Json
from kinspect.lab.store import Event, Name, Store, name_of

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


class Garbage:
    """The key is kind and UID of an owner: a name alone could be taken again."""

    def keys(self, event: Event, store: Store) -> Iterable[Name]:
        meta = event.object["metadata"]
        if event.type == "DELETED" or "deletionTimestamp" in meta:
            yield event.kind, meta["uid"]
        if event.type != "MODIFIED":
            for reference in meta.get("ownerReferences") or ():
                yield reference["kind"], reference["uid"]

    def sync(self, key: Name, store: Store) -> None:
        kind, uid = key
        if kind not in store.resources:
            return
        owner = next((item for item in store.list(kind) if item["metadata"]["uid"] == uid), None)
        if owner is None:
            for item in list(_dependents(store, uid)):
                if not _has_another_owner(store, item, uid) and "deletionTimestamp" not in item["metadata"]:
                    store.delete(item["kind"], *name_of(item))
            return
        finalizers = owner["metadata"].get("finalizers") or ()
        if ORPHAN in finalizers:
            for item in list(_dependents(store, uid)):
                store.update(item["kind"], *name_of(item), lambda each: _forget(each, uid))
            _release(store, owner, ORPHAN)
        elif FOREGROUND in finalizers:
            gone = [
                "deletionTimestamp" not in item["metadata"] and store.delete(item["kind"], *name_of(item))[1]
                for item in list(_dependents(store, uid))
            ]
            if all(gone):
                _release(store, owner, FOREGROUND)


def _dependents(store: Store, uid: str) -> Iterator[Json]:
    for kind in store.resources:
        for item in store.list(kind):
            if any(each["uid"] == uid for each in item["metadata"].get("ownerReferences") or ()):
                yield item


def _has_another_owner(store: Store, item: Json, uid: str) -> bool:
    for reference in item["metadata"]["ownerReferences"]:
        namespace = item["metadata"].get("namespace", "")
        if reference["uid"] == uid or reference["kind"] not in store.resources:
            continue
        scope = namespace if store.resources[reference["kind"]].namespaced else ""
        found = store.find(reference["kind"], scope, reference["name"])
        if found is not None and found["metadata"]["uid"] == reference["uid"]:
            return True
    return False


def _forget(item: Json, uid: str) -> None:
    kept = [each for each in item["metadata"]["ownerReferences"] if each["uid"] != uid]
    item["metadata"]["ownerReferences"] = kept


def _release(store: Store, owner: Json, finalizer: str) -> None:
    def change(item: Json) -> None:
        item["metadata"]["finalizers"].remove(finalizer)

    store.update(owner["kind"], *name_of(owner), change)
