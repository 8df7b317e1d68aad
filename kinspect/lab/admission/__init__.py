"""What the API server does to an object before and after it is stored: defaults, allocation, refusal.

A module (or a class of `simple`) for each kind that needs it, with any of the functions below; a kind without
one is stored as it comes. `old` is None for a new object.

- `default(store, old, new)` writes the fields that a real server writes, in place.
- `validate(store, old, new)` returns what is wrong, as causes.
- `allocate(store, old, new)` gives out addresses and ports, in place; returns what cannot be had.
- `after(store, old, new)` writes the objects that follow from a write; `new` is None after a deletion.
- `warnings(new)` returns what the client is told beside the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kinspect.lab import status
from kinspect.lab.admission import endpointslice, ingress, pod, service, simple, workload
from kinspect.lab.resources import Resource
from kinspect.lab.status import Cause, Json

if TYPE_CHECKING:
    from kinspect.lab.store import Store

_ADMISSIONS: Mapping[str, Any] = {
    "Service": service,
    "EndpointSlice": endpointslice,
    "Ingress": ingress,
    "Pod": pod,
    **dict.fromkeys(("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"), workload),
    "Namespace": simple.Namespace,
    "NetworkPolicy": simple.NetworkPolicy,
    "Secret": simple.Secret,
    "ServiceCIDR": simple.ServiceCIDR,
}


def admit(store: Store, resource: Resource, old: Json | None, new: Json) -> None:
    """Completes an object in place. Raises Invalid."""
    admission: Any = _ADMISSIONS.get(resource.kind)
    if "spec" in new:
        new["spec"] = _without_empty(new["spec"])
    if hasattr(admission, "default"):
        admission.default(store, old, new)
    causes: list[Cause] = []
    if hasattr(admission, "validate"):
        causes = admission.validate(store, old, new)
    if not causes and hasattr(admission, "allocate"):
        causes = admission.allocate(store, old, new)
    if causes:
        raise status.invalid(resource.group, resource.kind, new["metadata"]["name"], causes)


def _without_empty(value: Any) -> Any:
    """The value without nulls and empty lists, which a typed server does not tell from absent ones."""
    if isinstance(value, dict):
        return {key: _without_empty(each) for key, each in value.items() if each not in (None, [])}
    return [_without_empty(each) for each in value] if isinstance(value, list) else value


def admit_deletion(resource: Resource, item: Json) -> None:
    """Raises Forbidden for an object without which a cluster cannot be."""
    name = item["metadata"]["name"]
    if resource.kind == "Namespace" and name in simple.Namespace.PERMANENT:
        raise status.forbidden(resource, name, "this namespace may not be deleted")


def after(store: Store, resource: Resource, old: Json | None, new: Json | None) -> None:
    """Writes what follows from a write."""
    admission: Any = _ADMISSIONS.get(resource.kind)
    if hasattr(admission, "after"):
        admission.after(store, old, new)


def warnings(new: Json) -> tuple[str, ...]:
    """What the client is told beside the answer."""
    admission: Any = _ADMISSIONS.get(new["kind"])
    return tuple(admission.warnings(new)) if hasattr(admission, "warnings") else ()
