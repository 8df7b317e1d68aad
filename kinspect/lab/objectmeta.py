"""What the API server does with the metadata of any object: names, ages, generations, finalizers.

Source: apiserver's registry/rest (create.go, update.go, meta.go), apimachinery's validation of ObjectMeta.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinspect.lab import status
from kinspect.lab.admission import causes
from kinspect.lab.resources import Resource
from kinspect.lab.status import Json

if TYPE_CHECKING:
    from kinspect.lab.store import Store

_ORDER = (
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
)
_SYSTEM_FIELDS = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generateName",
)


def order(meta: Json) -> None:
    """Puts the fields in the order in which the API server writes them, and drops empty ones."""
    fields = {key: meta.pop(key) for key in _ORDER if key in meta}
    rest = dict(meta)
    meta.clear()
    meta.update({k: v for k, v in (fields | rest).items() if v not in (None, "", {}, [])})


def without_nulls(item: Json) -> Json:
    """The object without its parts that are null: they are as good as absent."""
    for part in ("metadata", "spec", "status"):
        if item.get(part, item) is None:
            del item[part]
    return item


def complete_new(store: Store, resource: Resource, new: Json) -> None:
    """Gives a new object what only the server writes. Raises Invalid for a bad or missing name."""
    meta = new.setdefault("metadata", {})
    if meta.get("resourceVersion") not in (None, ""):
        raise status.bad_request("resourceVersion should not be set on objects to be created")
    if not resource.namespaced:
        meta.pop("namespace", None)
    elif not meta.get("namespace"):
        meta["namespace"] = "default"
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = meta["generateName"] + store.suffix()
    for field in ("deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "selfLink"):
        meta.pop(field, None)
    if "status" in resource.subresources and resource.kind != "Node":
        new.pop("status", None)
    _require_valid_name(resource, meta.get("name") or "")
    meta["uid"] = store.uid()
    meta["creationTimestamp"] = store.time()
    meta.pop("generation", None)
    if resource.generation:
        meta["generation"] = 1
    order(meta)


def merge_update(resource: Resource, old: Json, given: Json, subresource: str) -> Json:
    """The object after an update: what the request may change from `given`, all else from `old`."""
    asked, kept = given.setdefault("metadata", {}), old["metadata"]
    name = kept["name"]
    version = asked.get("resourceVersion")
    if version not in (None, "", kept["resourceVersion"]):
        raise status.conflict(resource, name)
    uid = asked.get("uid")
    if uid not in (None, "", kept["uid"]):
        told = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {kept['uid']}"
        raise status.conflict(resource, name, told)
    if subresource == "status":
        new = {**old, "metadata": dict(kept)}
        if "status" in given:
            new["status"] = given["status"]
        return new
    new = given
    if "status" in resource.subresources:
        new.pop("status", None)
        new |= {"status": old["status"]} if "status" in old else {}
    meta = {**asked, "resourceVersion": kept["resourceVersion"]}
    meta.pop("managedFields", None)
    for field in (*_SYSTEM_FIELDS, "generation"):
        meta.pop(field, None)
        if field in kept:
            meta[field] = kept[field]
    if resource.namespaced:
        meta["namespace"] = kept["namespace"]
    order(meta)
    new["metadata"] = meta
    return new


def count_generation(resource: Resource, old: Json, new: Json) -> None:
    """A change outside metadata and status makes a new generation, where the kind counts them."""
    if resource.generation and _counted(old) != _counted(new):
        new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1


def _counted(item: Json) -> Json:
    counted = {key: value for key, value in item.items() if key not in ("metadata", "status")}
    if item["kind"] == "Pod":
        # Being bound to a node is not a change that the user asked for.
        counted["spec"] = {**item["spec"], "nodeName": ""}
    return counted


def held(item: Json) -> bool:
    """Whether a finalizer keeps the object; a namespace has its own list."""
    return bool(item["metadata"].get("finalizers")) or (
        item["kind"] == "Namespace" and bool(item.get("spec", {}).get("finalizers"))
    )


def finished(item: Json) -> bool:
    """Whether the object was only waiting for its last finalizer to go."""
    meta = item["metadata"]
    if "deletionTimestamp" not in meta or held(item):
        return False
    return not (item["kind"] == "Pod" and meta.get("deletionGracePeriodSeconds"))


def grace_of(item: Json, asked_s: int | None) -> int:
    """The seconds that a deletion leaves: only a pod that has a node and has not ended gets any."""
    if item["kind"] != "Pod" or not item["spec"].get("nodeName"):
        return 0
    if item.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    own: int = item["spec"].get("terminationGracePeriodSeconds", 30)
    return own if asked_s is None else asked_s


def _require_valid_name(resource: Resource, name: str) -> None:
    field = "metadata.name"
    if not name:
        found = [causes.required(field, "name or generateName is required")]
    elif resource.kind in ("Namespace", "Service"):
        found = causes.label(field, name)
    elif resource.kind == "IPAddress":
        found = []
    else:
        found = causes.subdomain(field, name)
    if found:
        raise status.invalid(resource.group, resource.kind, name, found)
