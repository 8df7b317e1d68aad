"""What a selector that matches no pod may have meant: evidence for the person, never a judgment.

Looked for, in this order and all bounded: workloads of the namespace whose template has all pairs but which
run no pod; pods of the namespace that lack only one of the pairs, with what they have in its place; values
that look like a slip of the pen, or stand under another key; the same in the templates of workloads; pods in
other namespaces that have all pairs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import chain, islice
from typing import cast

from kinspect.model.index import EMPTY
from kinspect.model.meta import Fact, Labels, Ref
from kinspect.model.pod import Workload
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.membership import label_sets_with, workloads_in, workloads_making

LOOKED_AT = 1_000
"""At most so many sets of labels are compared, pair by pair."""

SIMILAR = 0.6
"""How alike two texts must be to be taken for a slip of the pen."""

_SHOWN = 3


class NearLabel(Fact, frozen=True):
    """`pods` pods have `seen_key`=`seen` where the selector wants `key`=`wanted`; `seen` None = no key.

    `pods` 0 = no pod, but the template of a workload.
    """

    key: str
    wanted: str
    seen_key: str
    seen: str | None
    pods: int


class NearMiss(Fact, frozen=True):
    """`namespaces`: others with pods that the selector would match. `workloads`: (which, replicas wanted)."""

    labels: tuple[NearLabel, ...] = ()
    namespaces: tuple[str, ...] = ()
    workloads: tuple[tuple[Ref, int | None], ...] = ()


def near_misses(snapshot: Snapshot, namespace: str, selector: Labels) -> NearMiss:
    """What comes near a selector that matches nothing in its namespace, the likeliest first."""
    workloads = tuple(
        (ref, _workload(snapshot, ref).spec.replicas)
        for ref in workloads_making(snapshot, namespace, selector)
    )
    # A template that fits wholly explains the absence; labels that merely come near would only distract.
    labels = () if workloads else _near_labels(snapshot, namespace, selector)
    return NearMiss(labels, _elsewhere(snapshot, namespace, selector), workloads)


def _near_labels(snapshot: Snapshot, namespace: str, selector: Labels) -> tuple[NearLabel, ...]:
    found: Counter[NearLabel] = Counter()
    by_labels = snapshot.index.pods_by_labels
    for key in selector if len(selector) > 1 else ():
        rest = {other: value for other, value in selector.items() if other != key}
        for labels in islice(label_sets_with(snapshot, namespace, rest), LOOKED_AT):
            seen = dict(labels).get(key)
            found[NearLabel(key, selector[key], key, seen, 0)] += len(by_labels[namespace, labels])
    if not found:
        of_pods = islice(snapshot.index.pods_by_namespace.get(namespace, EMPTY), LOOKED_AT)
        found = _alike((snapshot.pods[key].metadata.labels for key in of_pods), selector)
    if found:
        ranked = sorted(found.items(), key=_most_first)
        return tuple(
            NearLabel(near.key, near.wanted, near.seen_key, near.seen, pods) for near, pods in ranked[:_SHOWN]
        )
    templates = (_workload(snapshot, ref).spec.template for ref in workloads_in(snapshot, namespace))
    in_templates = _alike((each.metadata.labels for each in templates), selector)
    return tuple(near for near, _ in sorted(in_templates.items(), key=_most_first)[:_SHOWN])


def _alike(label_sets: Iterator[Labels], selector: Labels) -> Counter[NearLabel]:
    """How often a pair comes near one of the selector's: a similar value, or the same under another key."""
    pairs = Counter(chain.from_iterable(labels.items() for labels in label_sets))
    found: Counter[NearLabel] = Counter()
    for key, wanted in selector.items():
        for (seen_key, seen), count in pairs.items():
            if seen_key == key and seen != wanted and _similar(seen, wanted):
                found[NearLabel(key, wanted, key, seen, 0)] = count
            elif seen_key != key and seen == wanted:
                found[NearLabel(key, wanted, seen_key, seen, 0)] = count
    return found


def _most_first(item: tuple[NearLabel, int]) -> tuple[int, tuple[str, str, str]]:
    near, count = item
    return -count, (near.key, near.seen_key, near.seen or "")


def _similar(one: str, other: str) -> bool:
    a, b = one.casefold(), other.casefold()
    matcher = SequenceMatcher(None, a, b)
    return a == b or (matcher.quick_ratio() >= SIMILAR and matcher.ratio() >= SIMILAR)


def _elsewhere(snapshot: Snapshot, namespace: str, selector: Labels) -> tuple[str, ...]:
    """The other namespaces with pods that the whole selector matches, by name."""
    return tuple(
        other
        for other in sorted(snapshot.index.pods_by_namespace)
        if other != namespace and next(label_sets_with(snapshot, other, selector), None) is not None
    )


def _workload(snapshot: Snapshot, ref: Ref) -> Workload:
    return cast(Workload, snapshot.get(ref))
