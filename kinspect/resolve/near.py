"""What a selector that matches no pod may have meant: evidence for the person, never a judgment.

Looked for, all by index and bounded: pods of the namespace that lack only one of the selector's pairs (with
what they have in its place), pods elsewhere that have all pairs, and workloads of the namespace whose
template has all pairs but which run no pod.
"""

from __future__ import annotations

from collections import Counter
from difflib import SequenceMatcher
from itertools import islice
from typing import cast

from kinspect.model.index import EMPTY
from kinspect.model.meta import Fact, Key, Labels, Ref
from kinspect.model.pod import Workload
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.membership import workloads_making

LOOKED_AT = 1_000
"""At most so many pods of a namespace are compared label by label."""

SIMILAR = 0.6
"""How alike two texts must be to be taken for a slip of the pen."""


class NearLabel(Fact, frozen=True):
    """`pods` pods have `seen_key`=`seen` where the selector wants `key`=`wanted`; `seen` None = no key."""

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
    labels = _one_pair_away(snapshot, namespace, selector) or _alike(snapshot, namespace, selector)
    return NearMiss(
        labels,
        _elsewhere(snapshot, namespace, selector),
        tuple(
            (ref, cast(Workload, snapshot.get(ref)).spec.replicas)
            for ref in workloads_making(snapshot, namespace, selector)
        ),
    )


def _one_pair_away(snapshot: Snapshot, namespace: str, selector: Labels) -> tuple[NearLabel, ...]:
    """Pods that have every pair of the selector except one. A selector of one pair has none."""
    found: Counter[tuple[str, str, str | None]] = Counter()
    for key, wanted in selector.items() if len(selector) > 1 else ():
        rest = {other: value for other, value in selector.items() if other != key}
        for pod in islice(_pods_with_all(snapshot, namespace, rest), LOOKED_AT):
            found[key, wanted, snapshot.pods[pod].metadata.labels.get(key)] += 1
    return _most(found)


def _alike(snapshot: Snapshot, namespace: str, selector: Labels) -> tuple[NearLabel, ...]:
    """Pods with nearly the same value under a key, or with the same value under another key."""
    found: Counter[tuple[str, str, str | None]] = Counter()
    elsewhere: Counter[tuple[str, str, str, str]] = Counter()
    for pod in islice(snapshot.index.pods_by_namespace.get(namespace, EMPTY), LOOKED_AT):
        labels = snapshot.pods[pod].metadata.labels
        for key, wanted in selector.items():
            seen = labels.get(key)
            if seen is not None and seen != wanted and _similar(seen, wanted):
                found[key, wanted, seen] += 1
            elif seen is None:
                for other in (other for other, value in labels.items() if value == wanted):
                    elsewhere[key, wanted, other, wanted] += 1
    renamed = tuple(
        NearLabel(key, wanted, other, value, count)
        for (key, wanted, other, value), count in sorted(elsewhere.items(), key=_by_count)
    )
    return (*_most(found), *renamed)[:3]


def _most(found: Counter[tuple[str, str, str | None]]) -> tuple[NearLabel, ...]:
    ranked = sorted(found.items(), key=_by_count)
    return tuple(NearLabel(key, wanted, key, seen, count) for (key, wanted, seen), count in ranked[:3])


def _by_count(item: tuple[tuple[str | None, ...], int]) -> tuple[int, tuple[str, ...]]:
    """Most pods first, then in alphabetical order."""
    return -item[1], tuple(each or "" for each in item[0])


def _similar(one: str, other: str) -> bool:
    a, b = one.casefold(), other.casefold()
    return a == b or SequenceMatcher(None, a, b).ratio() >= SIMILAR


def _pods_with_all(snapshot: Snapshot, namespace: str, labels: Labels) -> list[Key]:
    by_label = snapshot.index.pods_by_label
    first, *others = sorted((by_label.get((namespace, *pair), EMPTY) for pair in labels.items()), key=len)
    return [key for key in first if all(key in other for other in others)]


def _elsewhere(snapshot: Snapshot, namespace: str, selector: Labels) -> tuple[str, ...]:
    """The other namespaces with pods that the whole selector matches, by name."""
    return tuple(
        other
        for other in sorted(snapshot.index.pods_by_namespace)
        if other != namespace and _pods_with_all(snapshot, other, selector)
    )
