"""What the API server does to an object before and after it is stored: defaults, allocation, refusal.

One module for each kind that needs it, entered in `_KINDS`; a kind without an entry is stored as it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from kinspect.lab import status
from kinspect.lab.admission import endpointslice, ingress, pod, service, simple, workload
from kinspect.lab.resources import Resource
from kinspect.lab.status import Cause, Json

if TYPE_CHECKING:
    from kinspect.lab.store import Store


class Admission(NamedTuple):
    """What one kind needs. The old object is None when a new one is made, the new one when it is deleted."""

    default: Callable[[Store, Json | None, Json], None]
    """Writes the fields that a real server writes, in place."""
    validate: Callable[[Store, Json | None, Json], list[Cause]] = lambda store, old, new: []
    """Says what is wrong."""
    allocate: Callable[[Store, Json | None, Json], list[Cause]] = lambda store, old, new: []
    """Gives out addresses and ports, in place; says what cannot be had."""
    after: Callable[[Store, Json | None, Json | None], None] = lambda store, old, new: None
    """Writes the objects that follow from a write."""
    warnings: Callable[[Json], list[str]] = lambda new: []
    """What the client is told beside the answer."""


_WORKLOAD = Admission(workload.default, workload.validate)

_KINDS: Mapping[str, Admission] = {
    "Service": Admission(
        service.default, service.validate, service.allocate, service.after, service.warnings
    ),
    "EndpointSlice": Admission(endpointslice.default, endpointslice.validate),
    "Ingress": Admission(ingress.default, ingress.validate),
    "Pod": Admission(pod.default, pod.validate),
    "Deployment": _WORKLOAD,
    "ReplicaSet": _WORKLOAD,
    "StatefulSet": _WORKLOAD,
    "DaemonSet": _WORKLOAD,
    "Namespace": Admission(simple.default_namespace),
    "IngressClass": Admission(simple.keep, simple.validate_ingress_class),
    "NetworkPolicy": Admission(simple.default_network_policy),
    "Secret": Admission(simple.default_secret, simple.validate_secret),
    "ServiceCIDR": Admission(simple.default_service_cidr, simple.validate_service_cidr),
}


def admit(store: Store, resource: Resource, old: Json | None, new: Json) -> None:
    """Completes an object in place. Raises Invalid."""
    if "spec" in new:
        new["spec"] = _without_empty(new["spec"])
    admission = _KINDS.get(resource.kind)
    if admission is None:
        return
    admission.default(store, old, new)
    causes = admission.validate(store, old, new) or admission.allocate(store, old, new)
    if causes:
        raise status.invalid(resource.group, resource.kind, new["metadata"]["name"], causes)


def admit_deletion(resource: Resource, item: Json) -> None:
    """Raises Forbidden for an object without which a cluster cannot be."""
    name = item["metadata"]["name"]
    if resource.kind == "Namespace" and name in simple.PERMANENT_NAMESPACES:
        raise status.forbidden(resource, name, "this namespace may not be deleted")


def after(store: Store, resource: Resource, old: Json | None, new: Json | None) -> None:
    """Writes what follows from a write."""
    if resource.kind in _KINDS:
        _KINDS[resource.kind].after(store, old, new)


def warnings(new: Json) -> tuple[str, ...]:
    """What the client is told beside the answer."""
    return tuple(_KINDS[new["kind"]].warnings(new)) if new["kind"] in _KINDS else ()


def _without_empty(value: Any) -> Any:
    """The value without nulls and empty lists, which a typed server does not tell from absent ones."""
    if isinstance(value, dict):
        return {key: _without_empty(each) for key, each in value.items() if each not in (None, [])}
    return [_without_empty(each) for each in value] if isinstance(value, list) else value
