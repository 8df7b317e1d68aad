"""What the controllers of workloads share: owners, pods from templates, counts for a status."""

from __future__ import annotations

import copy
import zlib

import msgspec

from kinspect.lab.status import Json
from kinspect.lab.store import Store

_SAFE = "bcdfghjklmnpqrstvwxz2456789"


def reference(owner: Json) -> Json:
    """The ownerReference of a controller."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_of(item: Json) -> Json | None:
    """The reference to the controller that owns the object, or None."""
    references = item["metadata"].get("ownerReferences") or ()
    return next((each for each in references if each.get("controller")), None)


def owned(store: Store, kind: str, owner: Json) -> list[Json]:
    """The objects of a kind that a controller owns, in order of name."""
    uid = owner["metadata"]["uid"]
    items = store.list(kind, owner["metadata"]["namespace"])
    return [item for item in items if (ref := controller_of(item)) and ref["uid"] == uid]


def template_hash(template: Json) -> str:
    """A short name for a template, of letters that cannot spell a word."""
    digest = zlib.crc32(msgspec.json.encode(template, order="deterministic"))
    return "".join(_SAFE[int(digit)] for digit in str(digest))


def pod(owner: Json, labels: dict[str, str], **meta: str) -> Json:
    """A new pod from the owner's template, with more labels; `meta` is its name or generateName."""
    template = copy.deepcopy(owner["spec"]["template"])
    given: Json = {**meta, "namespace": owner["metadata"]["namespace"]}
    given["labels"] = {**(template["metadata"].get("labels") or {}), **labels}
    if template["metadata"].get("annotations"):
        given["annotations"] = template["metadata"]["annotations"]
    given["ownerReferences"] = [reference(owner)]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": given, "spec": template["spec"]}


def is_ready(pod: Json) -> bool:
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in pod.get("status", {}).get("conditions") or ()
    )


def is_terminating(item: Json) -> bool:
    return "deletionTimestamp" in item["metadata"]


def is_terminal(pod: Json) -> bool:
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def write_status(store: Store, owner: Json, status: Json) -> None:
    """Writes the status when it differs, with the generation that it is about."""
    status = {"observedGeneration": owner["metadata"]["generation"], **status}
    if owner.get("status") != status:
        store.replace({**owner, "status": status}, "status")
