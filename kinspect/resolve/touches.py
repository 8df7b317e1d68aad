"""Which subjects a change of an object can concern: the dependencies of every judgment.

Theory of operation:

1. A judgment about a subject reads the subject and what is joined to it. `touched` walks the same joins
   backwards: from the changed object, in its old and in its new form, to the subjects at their other end.
2. Where a join goes over a third object, that one is found in the Index. It does not matter whether the Index
   is the one before or after a batch of changes: if the third object changed too, its own change names the
   subject.
3. What a rule finds by searching (near-miss labels), and cluster-wide kinds (every Service with a Local
   policy depends on every Node), are not here: the judge keeps account of those while it judges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kinspect.model.endpointslice import EndpointSlice
from kinspect.model.index import EMPTY, Index, Members
from kinspect.model.meta import Object, Ref
from kinspect.model.pod import Pod
from kinspect.model.service import Service


def touched(kind: str, old: Object | None, new: Object | None, index: Index) -> set[Ref]:
    """The objects whose judgment may differ after this change; None = there was or is no such object.

    An EndpointSlice among them stands for its Service too, which the Index alone does not tell.
    """
    each = new if new is not None else old
    if each is None:
        return set()
    found = {Ref(kind, *each.key)}
    joins = _JOINS.get(kind)
    if joins is not None:
        found.update(joins(each, index))
        if old is not None and old is not each and not _joined_alike(old, each):
            found.update(joins(old, index))
    return found


def _joined_alike(old: Object, new: Object) -> bool:
    """Whether both forms certainly lead to the same places: the status of a pod changes all the time."""
    return (
        isinstance(old, Pod)
        and isinstance(new, Pod)
        and old.metadata.labels == new.metadata.labels
        and old.ips == new.ips
    )


def _of_service(service: Service, index: Index) -> Iterator[Ref]:
    """Its slices (orphans without it), its routes, and the slices that list its own address as a backend."""
    yield from _slices(index.slices_by_service.get(service.key, EMPTY))
    yield from index.routes_by_service.get(service.key, _NO_REFS)
    for ip in service.virtual_ips:
        yield from _slices(index.slices_by_address.get(ip, EMPTY))


def _of_slice(slice_: EndpointSlice, _index: Index) -> Iterator[Ref]:
    if slice_.service:
        yield Ref("Service", *slice_.service)


def _of_pod(pod: Pod, index: Index) -> Iterator[Ref]:
    """The Services that may select it, and the slices that list an address of it.

    Limits: a slice that names the pod but none of its addresses is not found. Such slices do not last, and a
    Service with a selector is found by the pod's labels anyway.
    """
    for pair in pod.metadata.labels.items():
        for key in index.services_by_selector_label.get((pod.namespace, *pair), EMPTY):
            yield Ref("Service", *key)
    for ip in pod.ips:
        yield from _slices(index.slices_by_address.get(ip, EMPTY))


def _slices(keys: Members) -> Iterator[Ref]:
    return (Ref("EndpointSlice", *key) for key in keys)


_NO_REFS: Mapping[Ref, None] = {}
_JOINS: dict[str, Callable[[Any, Index], Iterator[Ref]]] = {
    "Service": _of_service,
    "EndpointSlice": _of_slice,
    "Pod": _of_pod,
}
