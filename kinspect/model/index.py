"""Joins over all objects, kept up to date change by change: who has this address, who selects this label.

Theory of operation:

1. An Index is frozen; any number of snapshots may hold one. An Indexer makes the next.
2. Each relation maps a key to a *set of object keys*. Most sets are small: they are tuples (48 bytes for one
   member, where a dictionary takes 232), larger ones dictionaries with None values.
3. `apply(kind, old, new)` takes the old facts out and puts the new ones in. Which keys a fact has is one
   small function per kind (`_OF`): the only place that knows a relation.
4. Publishing hands the dictionaries over. A relation's outer dictionary, and an inner one, is copied the
   first time it changes after that: what a published Index holds is never touched again.
5. A large cluster is read by a quarter of a million entries of new objects: the short way for them is `_add`.
6. Pods are many and differ little: a pod is found by all its labels, and these by each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import msgspec

from kinspect.model.endpointslice import EndpointSlice
from kinspect.model.gateway import Route
from kinspect.model.ingress import Ingress, IngressBackend
from kinspect.model.kinds import ROUTE_KINDS
from kinspect.model.meta import Key, Object, Ref
from kinspect.model.node import Node
from kinspect.model.pod import Pod, Workload
from kinspect.model.service import Service

Members = Collection[Key]
"""A set of object keys, in no particular order."""

LabelKey = tuple[str, str, str]
"""(namespace, label key, label value)."""

LabelSet = tuple[tuple[str, str], ...]
"""All labels of a pod, in the order in which the server writes them: by key."""

EMPTY: Members = ()
FEW = 8
"""Members up to which a set is a tuple."""


class Index(msgspec.Struct, frozen=True):
    """The relations. Look up with `.get(key, EMPTY)`; addresses are as written in the objects."""

    pods_by_ip: Mapping[str, Members] = {}
    pods_by_node: Mapping[str, Members] = {}
    pods_by_labels: Mapping[tuple[str, LabelSet], Members] = {}
    """By namespace and all labels: the pods of one workload mostly have the same."""
    label_sets: Mapping[LabelKey, Collection[LabelSet]] = {}
    """The keys of `pods_by_labels`, by each of their labels."""
    pods_by_namespace: Mapping[str, Members] = {}
    nodes_by_ip: Mapping[str, Members] = {}
    slices_by_service: Mapping[Key, Members] = {}
    slices_without_service: Mapping[str, Members] = {}
    """By namespace: slices without the label that names a Service."""
    slices_by_address: Mapping[str, Members] = {}
    slices_by_node: Mapping[str, Members] = {}
    services_by_ip: Mapping[str, Members] = {}
    services_by_node_port: Mapping[int, Members] = {}
    services_by_namespace: Mapping[str, Members] = {}
    services_by_selector_label: Mapping[LabelKey, Members] = {}
    """Under the alphabetically first pair of its selector only: enough to find a pod's candidates."""
    workloads_by_namespace: Mapping[str, Collection[Ref]] = {}
    """Deployments, StatefulSets and DaemonSets."""
    routes_by_service: Mapping[Key, Collection[Ref]] = {}
    """Ingresses and Gateway API routes that name the Service as a backend, existing or not."""


_PODS_BY_LABELS = "pods_by_labels"
RELATIONS = Index.__struct_fields__


class Indexer:
    """The mutable builder of Indexes."""

    def __init__(self) -> None:
        self._published = Index()
        self._writable: dict[str, dict[object, Any]] = {}
        """Relations that have changed since the last publication."""
        self._owned: dict[str, set[object]] = {name: set() for name in RELATIONS}
        """Their large sets that no published Index holds."""

    def apply(self, kind: str, old: Object | None, new: Object | None, key: Key | None = None) -> None:
        """Replaces what `old` contributed by what `new` does; None = there was or is no such object.

        `key` is theirs, for a caller that has it: one tuple then serves everywhere.
        """
        of_kind = _OF.get(kind)
        if of_kind is None:
            return
        if old is None:
            if new is not None:
                self._add(of_kind(new, key or new.key))
            return
        key = key or old.key
        before = list(of_kind(old, key))
        after = list(of_kind(new, key)) if new is not None else []
        if before != after:  # most changes are in nothing that is looked up
            for entry in set(before) - set(after):
                self._take(*entry)
            for entry in set(after) - set(before):
                self._put(*entry)

    def publish(self) -> Index:
        """The Index as of now. The same as before if nothing has changed."""
        if self._writable:
            kept = {name: getattr(self._published, name) for name in RELATIONS}
            self._published = Index(**{**kept, **self._writable})
            for name in self._writable:
                self._owned[name].clear()
            self._writable = {}
        return self._published

    def _add(self, entries: Iterator[Entry]) -> None:
        """Puts the entries of a new object. Most are the first of their key, and hold the same tuple.

        An object that has an entry twice has it twice in a row as far as that key is concerned.
        """
        writable, owned = self._writable, self._owned
        alone: tuple[object, ...] = ()
        for relation, key, member in entries:
            if not alone or alone[0] is not member:
                alone = (member,)
            sets = writable.get(relation)
            if sets is None:
                sets = self._relation(relation)
            members = sets.setdefault(key, alone)
            if members is alone:
                if relation is _PODS_BY_LABELS:
                    self._label_set_came(key)
            elif type(members) is tuple and len(members) < FEW:
                if members[-1] != member:
                    sets[key] = (*members, member)
            elif type(members) is dict and key in owned[relation]:
                members[member] = None
            else:
                self._put(relation, key, member)

    def _put(self, relation: str, key: object, member: Any) -> None:
        sets = self._relation(relation)
        members = sets.get(key, ())
        if member in members:
            return
        if not members and relation is _PODS_BY_LABELS:
            self._label_set_came(key)
        if type(members) is dict:
            self._own(relation, key, members)[member] = None
        elif len(members) < FEW:
            sets[key] = (*members, member)
        else:
            sets[key] = dict.fromkeys((*members, member))
            self._owned[relation].add(key)

    def _take(self, relation: str, key: object, member: Any) -> None:
        sets = self._relation(relation)
        members = sets.get(key, ())
        if member not in members:
            return
        if len(members) > FEW + 1:
            del self._own(relation, key, members)[member]
        elif len(members) > 1:
            sets[key] = tuple(each for each in members if each != member)
        else:
            del sets[key]
            if relation is _PODS_BY_LABELS:
                self._label_set_gone(key)

    def _label_set_came(self, key: Any) -> None:
        namespace, labels = key
        for pair in labels:
            self._put("label_sets", (namespace, *pair), labels)

    def _label_set_gone(self, key: Any) -> None:
        namespace, labels = key
        for pair in labels:
            self._take("label_sets", (namespace, *pair), labels)

    def _relation(self, relation: str) -> dict[object, Any]:
        """The relation to change, copied first if a published Index still holds it."""
        found = self._writable.get(relation)
        if found is None:
            found = self._writable[relation] = dict(getattr(self._published, relation))
        return found

    def _own(self, relation: str, key: object, members: dict[object, None]) -> dict[object, None]:
        """The large set to change, copied first if a published Index still holds it."""
        if key not in self._owned[relation]:
            members = self._relation(relation)[key] = dict(members)
            self._owned[relation].add(key)
        return members


Entry = tuple[str, object, object]
"""(relation, key, member)."""


def _of_pod(pod: Pod, key: Key) -> Iterator[Entry]:
    yield "pods_by_namespace", key.namespace, key
    for ip in pod.ips:
        yield "pods_by_ip", ip, key
    if pod.spec.node_name:
        yield "pods_by_node", pod.spec.node_name, key
    yield _PODS_BY_LABELS, (key.namespace, tuple(pod.metadata.labels.items())), key


def _of_slice(slice_: EndpointSlice, key: Key) -> Iterator[Entry]:
    if slice_.service is not None:
        yield "slices_by_service", slice_.service, key
    else:
        yield "slices_without_service", key.namespace, key
    for endpoint in slice_.endpoints:
        if endpoint.address:
            yield "slices_by_address", endpoint.address, key
        if endpoint.node_name:
            yield "slices_by_node", endpoint.node_name, key


def _of_service(service: Service, key: Key) -> Iterator[Entry]:
    spec = service.spec
    yield "services_by_namespace", key.namespace, key
    balancer_ips = tuple(each.ip for each in service.status.load_balancer.ingress if each.ip)
    for ip in (*service.virtual_ips, *spec.external_ips, *balancer_ips):
        yield "services_by_ip", ip, key
    for port in spec.ports:
        if port.node_port:
            yield "services_by_node_port", port.node_port, key
    if spec.selector and spec.type != "ExternalName":
        label, value = min(spec.selector.items())
        yield "services_by_selector_label", (key.namespace, label, value), key


def _of_node(node: Node, key: Key) -> Iterator[Entry]:
    for address in node.status.addresses:
        if address.type in ("InternalIP", "ExternalIP"):
            yield "nodes_by_ip", address.address, key


def _of_ingress(ingress: Ingress, key: Key) -> Iterator[Entry]:
    for backend in backends_of(ingress):
        if backend.service:
            service = Key(key.namespace, backend.service.name)
            yield "routes_by_service", service, Ref("Ingress", *key)


def _of_route(route: Route, key: Key) -> Iterator[Entry]:
    for rule in route.spec.rules:
        for ref in rule.backend_refs:
            if ref.kind == "Service" and not ref.group:
                service = Key(ref.namespace or key.namespace, ref.name)
                yield "routes_by_service", service, Ref(type(route).__name__, *key)


def _of_workload(workload: Workload, key: Key) -> Iterator[Entry]:
    yield "workloads_by_namespace", key.namespace, Ref(type(workload).__name__, *key)


def backends_of(ingress: Ingress) -> Iterator[IngressBackend]:
    """Every backend that an Ingress names, the default one last."""
    for rule in ingress.spec.rules:
        for path in rule.http.paths if rule.http else ():
            yield path.backend
    if ingress.spec.default_backend:
        yield ingress.spec.default_backend


_OF: dict[str, Callable[[Any, Key], Iterator[Entry]]] = {
    "Pod": _of_pod,
    "EndpointSlice": _of_slice,
    "Service": _of_service,
    "Node": _of_node,
    "Ingress": _of_ingress,
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet"), _of_workload),
    **dict.fromkeys(ROUTE_KINDS, _of_route),
}
