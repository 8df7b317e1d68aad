"""Which rows a tree has: a perspective on a snapshot, narrowed to a namespace and a filter, in an order."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Literal, NamedTuple

import msgspec

from kinspect.model.meta import Key
from kinspect.model.pod import Pod
from kinspect.model.snapshot import Snapshot
from kinspect.outline.filter import Filter, fuzzy, services
from kinspect.outline.perspectives import Perspective, roots
from kinspect.outline.rows import Row, state_of
from kinspect.outline.words import pod_words

Order = Literal["name", "worst first", "type", "address"]
ORDERS: tuple[Order, ...] = ("name", "worst first", "type", "address")

EVERYTHING = Filter(())

_SORTED_KINDS = frozenset({"Namespace", "Service", "Pod", "Node", "route"})
_WORST = {"broken": 0, "degraded": 1, "unknown": 2, "ok": 3, None: 4}


class Question(NamedTuple):
    """What the person wants to see; `namespace` None = all."""

    perspective: Perspective
    namespace: str | None = None
    wanted: Filter = EVERYTHING
    order: Order = "name"


class Matching(NamedTuple):
    """The Services that a filter wants, and the namespaces that they are in. Asking takes a walk over all."""

    wanted: Filter
    services: frozenset[Key]
    namespaces: frozenset[str]

    @classmethod
    def of(cls, snapshot: Snapshot, wanted: Filter) -> Matching:
        found = frozenset(services(snapshot, wanted)) if wanted else frozenset()
        return cls(wanted, found, frozenset(key.namespace for key in found))


class OutlineBranches(msgspec.Struct, frozen=True, dict=True):
    """The answer to a question, from one snapshot; `matching` may be of an older one."""

    snapshot: Snapshot
    question: Question
    matching: Matching

    def roots(self) -> list[Row]:
        question = self.question
        rows = roots(self.snapshot, question.perspective, question.namespace)
        if question.wanted or (question.perspective == "nodes" and question.namespace):
            rows = [row for row in rows if self._keeps_root(row)]
        return self._ordered(rows)

    def children(self, row: Row) -> list[Row]:
        rows = row.children(self.snapshot)
        if row.depth == 0 and (self.question.wanted or self.question.namespace):
            rows = [child for child in rows if self._keeps_child(row, child)]
        return self._ordered(rows)

    def _ordered(self, rows: list[Row]) -> list[Row]:
        key = self._sort_key()
        if key is None or not rows or rows[0].kind not in _SORTED_KINDS:
            return rows
        return sorted(rows, key=key)

    def _sort_key(self) -> Callable[[Row], int | str] | None:
        order, snapshot = self.question.order, self.snapshot
        if order == "name":
            return None
        if order == "worst first":
            return lambda row: _WORST[
                state_of(snapshot, row.ref) if row.kind == "Service" and row.ref else row.line(snapshot).state
            ]
        role = "kind" if order == "type" else "address"
        return lambda row: next((s.text for s in row.line(snapshot).spans if s.role == role), "")

    def _keeps_root(self, row: Row) -> bool:
        if row.kind == "Namespace":
            return row.id[-1] in self.matching.namespaces
        if row.kind == "Node":
            return any(self._keeps_child(row, child) for child in row.children(self.snapshot))
        ref = row.ref
        plain = [value for prefix, value in self.question.wanted.terms if not prefix]
        only_plain = len(plain) == len(self.question.wanted.terms)
        if ref and only_plain and all(fuzzy(value, f"{ref.namespace}/{ref.name}") for value in plain):
            return True
        return any(
            getattr(child, "target", None) in self.matching.services for child in row.children(self.snapshot)
        )

    def _keeps_child(self, row: Row, child: Row) -> bool:
        """Whether a row directly below a root stays; only Services and pods are ever left out."""
        ref = child.ref
        if ref is None:
            return True
        if row.kind == "Namespace" and child.kind == "Service":
            return not self.question.wanted or ref.key in self.matching.services
        if row.kind == "Node" and child.kind == "Pod":
            if self.question.namespace not in (None, ref.namespace):
                return False
            pod = self.snapshot.pods.get(ref.key)
            return pod is not None and all(self._pod_has(pod, *term) for term in self.question.wanted.terms)
        return True

    def _pod_has(self, pod: Pod, prefix: str, value: str) -> bool:
        """The filter's terms asked of a pod: `type` is that of a Service which it stands behind."""
        if prefix == "ns":
            return value in pod.namespace.lower()
        if prefix == "node":
            return value in pod.spec.node_name.lower()
        if prefix == "label":
            return any(value in f"{name}={text}".lower() for name, text in pod.metadata.labels.items())
        if prefix == "state":
            return pod_words(pod)[0].startswith(value)
        if prefix == "type":
            return pod.key in self._pods_of_services
        return fuzzy(value, f"{pod.namespace}/{pod.name}") or any(value in ip for ip in pod.ips)

    @cached_property
    def _pods_of_services(self) -> frozenset[Key]:
        """The pods in the slices of the Services that the filter wants."""
        snapshot = self.snapshot
        return frozenset(
            Key(target.namespace or key.namespace, target.name)
            for key in self.matching.services
            for slice_key in snapshot.index.slices_by_service.get(key, ())
            for endpoint in snapshot.slices[slice_key].endpoints
            if (target := endpoint.target_ref) and target.kind == "Pod"
        )
