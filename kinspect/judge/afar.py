"""What changes an answer from afar: objects that nothing joins to the subject.

1. A rule may read all objects of a kind: cluster-wide ones (Nodes, say), and what it names in EVERYWHERE.
   Any of them concerns every subject to which the rule applies (`Wide`).
2. An answer that quotes evidence found by searching (near-miss labels) stands only until such an object
   comes, goes or changes its labels (`Searches`).
"""

from __future__ import annotations

from collections.abc import Iterable

from kinspect.model.finding import Finding, Unknown
from kinspect.model.kinds import KINDS
from kinspect.model.meta import Object, Ref
from kinspect.model.pod import Pod
from kinspect.model.snapshot import Snapshot
from kinspect.rules import Rule


class Wide:
    """Which subjects depend on all objects of a kind: a rule applies that reads it cluster-wide."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        every = {
            rule.code: {*rule.everywhere, *(kind for kind in rule.reads if not KINDS[kind].namespaced)}
            for rule in rules
        }
        self._kinds = {code: kinds for code, kinds in every.items() if kinds}
        self._refs: dict[str, set[Ref]] = {kind: set() for kinds in self._kinds.values() for kind in kinds}
        self._noted: set[str] = set()

    def note(self, kind: str, old: Object | None, new: Object | None) -> None:
        if kind not in self._refs:
            return
        if isinstance(old, Pod) and isinstance(new, Pod) and _place(old) == _place(new):
            return  # of Pods it only counts where they run, and their status changes all the time
        self._noted.add(kind)

    def take(self) -> list[tuple[Ref, str]]:
        """What has become dirty since the last call, and by which kind."""
        found = [(ref, kind) for kind in self._noted for ref in self._refs[kind]]
        self._noted.clear()
        return found

    def keep(self, ref: Ref, rules: list[Rule]) -> None:
        for rule in rules:
            for kind in self._kinds.get(rule.code, ()):
                self._refs[kind].add(ref)

    def forget(self, ref: Ref) -> None:
        for refs in self._refs.values():
            refs.discard(ref)


class Searches:
    """Which subjects stand with an answer that quotes what a search has found."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._kinds = {rule.code: frozenset(rule.searches) for rule in rules if rule.searches}
        self._searched = frozenset(kind for kinds in self._kinds.values() for kind in kinds)
        self._standing: dict[Ref, frozenset[str]] = {}
        self._noted: set[tuple[str, str]] = set()
        """(kind, namespace) of changed objects."""
        self._labels: set[tuple[str, str]] = set()
        """Labels of changed Pods."""

    def note(self, kind: str, old: Object | None, new: Object | None) -> None:
        if kind not in self._searched:
            return
        if kind == "Pod" and old and new and old.metadata.labels == new.metadata.labels:
            return  # pods are searched by their labels, and their status changes all the time
        for each in (old, new):
            if each is not None:
                self._noted.add((kind, each.namespace))
                if kind == "Pod":
                    self._labels.update(each.metadata.labels.items())

    def take(self, snapshot: Snapshot) -> list[Ref]:
        """The subjects whose search may have met an object noted since the last call."""
        found = [ref for ref in self._standing if self._noted and self._may_differ(snapshot, ref)]
        self._noted.clear()
        self._labels.clear()
        return found

    def keep(self, ref: Ref, answers: Iterable[Finding | Unknown]) -> None:
        kinds = {kind for each in answers for kind in self._kinds.get(each.code, ())}
        if kinds:
            self._standing[ref] = frozenset(kinds)
        else:
            self._standing.pop(ref, None)

    def _may_differ(self, snapshot: Snapshot, ref: Ref) -> bool:
        kinds = self._standing[ref]
        if any(kind in kinds and ref.namespace in ("", namespace) for kind, namespace in self._noted):
            return True
        service = snapshot.services.get(ref.key) if ref.kind == "Service" else None
        return service is not None and not self._labels.isdisjoint((service.spec.selector or {}).items())


def _place(pod: Pod) -> tuple[str, bool, bool]:
    return pod.spec.node_name, pod.spec.host_network, pod.terminal
