"""Snapshot: everything that is known at one moment. Everything on the right of the house reads only this."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from kinspect.model.coverage import NOT_GIVEN, Coverage
from kinspect.model.endpointslice import EndpointSlice
from kinspect.model.finding import Judgment
from kinspect.model.index import Index, Indexer
from kinspect.model.ingress import Ingress
from kinspect.model.meta import Key, Object, Ref
from kinspect.model.node import Namespace, Node
from kinspect.model.pod import Pod
from kinspect.model.service import Service

Objects = Mapping[str, Mapping[Key, Object]]
"""Kind → key → fact."""

_NONE: Mapping[Key, Object] = {}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Immutable. `source` is a short name for the person ("cluster prod", "file bug.json").

    `judgments` has an entry for every subject that was judged; `pending` counts those still to come.
    A subject without an entry is *unknown*, never fine.
    """

    taken_at: datetime = EPOCH
    source: str = ""
    live: bool = False
    objects: Objects = field(default_factory=dict)
    coverage: Mapping[str, Coverage] = field(default_factory=dict)
    index: Index = field(default_factory=Index)
    judgments: Mapping[Ref, Judgment] = field(default_factory=dict)
    pending: int = 0
    notes: tuple[str, ...] = ()
    """For the person: what the source holds that is not shown, or could not be read."""
    recent: Mapping[Ref, float] = field(default_factory=dict)
    """Objects that just changed, with the monotonic second; () for files. Entries vanish after a while."""

    def of(self, kind: str) -> Mapping[Key, Object]:
        return self.objects.get(kind, _NONE)

    def get(self, ref: Ref) -> Object | None:
        return self.of(ref.kind).get(ref.key)

    def coverage_of(self, kind: str) -> Coverage:
        return self.coverage.get(kind, NOT_GIVEN)

    def covers(self, kind: str, namespace: str | None = None) -> bool:
        """Whether an absence of this kind is a proof (in this namespace; None asks about all at once)."""
        return self.coverage_of(kind).covers(namespace)

    @property
    def services(self) -> Mapping[Key, Service]:
        return cast("Mapping[Key, Service]", self.of("Service"))

    @property
    def slices(self) -> Mapping[Key, EndpointSlice]:
        return cast("Mapping[Key, EndpointSlice]", self.of("EndpointSlice"))

    @property
    def pods(self) -> Mapping[Key, Pod]:
        return cast("Mapping[Key, Pod]", self.of("Pod"))

    @property
    def nodes(self) -> Mapping[Key, Node]:
        return cast("Mapping[Key, Node]", self.of("Node"))

    @property
    def namespaces(self) -> Mapping[Key, Namespace]:
        return cast("Mapping[Key, Namespace]", self.of("Namespace"))

    @property
    def ingresses(self) -> Mapping[Key, Ingress]:
        return cast("Mapping[Key, Ingress]", self.of("Ingress"))


def snapshot_of(
    objects: Iterable[tuple[str, Object]],
    coverage: Mapping[str, Coverage],
    taken_at: datetime = EPOCH,
    source: str = "",
    notes: tuple[str, ...] = (),
) -> Snapshot:
    """A snapshot of these (kind, object) pairs with its index, not yet judged. A later duplicate replaces."""
    by_kind: dict[str, dict[Key, Object]] = {}
    indexer = Indexer()
    for kind, each in objects:
        of_kind = by_kind.setdefault(kind, {})
        indexer.apply(kind, of_kind.get(each.key), each)
        of_kind[each.key] = each
    return Snapshot(taken_at, source, False, by_kind, coverage, indexer.publish(), notes=notes)
