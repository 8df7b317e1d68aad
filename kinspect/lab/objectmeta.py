"""What the API server does with the metadata of any object: names, ages, generations, finalizers.

Source: apiserver's registry/rest (create.go, update.go, meta.go), apimachinery's validation of ObjectMeta.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kinspect.lab import status
from kinspect.lab.resources import Resource
from kinspect.lab.status import Cause, Json

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
_DIGIT_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_SUBDOMAIN_TOLD = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
    "must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_TOLD = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
    "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)


def order(meta: Json) -> None:
    """Puts the fields in the order in which the API server writes them, and drops empty ones."""
    fields = {key: meta.pop(key) for key in _ORDER if key in meta}
    rest = dict(meta)
    meta.clear()
    meta.update({k: v for k, v in (fields | rest).items() if v not in (None, "", {}, [])})


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
    _require_valid_name(resource, meta.get("name") or "")
    meta["uid"] = store.uid()
    meta["creationTimestamp"] = store.time()
    meta.pop("generation", None)
    if resource.generation:
        meta["generation"] = 1
    order(meta)


def merge_update(store: Store, resource: Resource, old: Json, given: Json, subresource: str) -> Json:
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
        if "status" in old:
            new["status"] = old["status"]
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
    if not resource.generation:
        return
    outside = ("metadata", "status")
    if {k: v for k, v in old.items() if k not in outside} != {
        k: v for k, v in new.items() if k not in outside
    }:
        new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1


def same(old: Json, new: Json) -> bool:
    """Whether writing `new` would change nothing: then an API server writes nothing."""
    return old == new


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
    if not name:
        message = "Required value: name or generateName is required"
        raise status.invalid(
            resource.group, resource.kind, name, [Cause("FieldValueRequired", message, "metadata.name")]
        )
    label = resource.kind in ("Namespace", "Service")
    pattern, told, longest = (_DIGIT_LABEL, _LABEL_TOLD, 63) if label else (_SUBDOMAIN, _SUBDOMAIN_TOLD, 253)
    problems = [] if len(name) <= longest else [f"must be no more than {longest} characters"]
    if not pattern.fullmatch(name):
        problems.append(told)
    if problems:
        causes = [
            Cause("FieldValueInvalid", f'Invalid value: "{name}": {problem}', "metadata.name")
            for problem in problems
        ]
        raise status.invalid(resource.group, resource.kind, name, causes)
