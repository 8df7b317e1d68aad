"""A small world to be looked at, with judgments written by hand, so that screens do not change with rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from kinspect.model.coverage import Coverage
from kinspect.model.finding import Finding, Judgment, Unknown
from kinspect.model.kinds import KINDS
from kinspect.model.meta import Object, Ref
from kinspect.model.snapshot import Snapshot, snapshot_of
from kinspect.sources import open_file

TAKEN_AT = datetime(2026, 3, 1, 14, 3, 20, tzinfo=UTC)
CHECKOUT = Ref("Service", "shop", "checkout")
CART = Ref("Service", "shop", "cart")
SEARCH = Ref("Service", "shop", "search-with-a-rather-long-name-that-goes-on-and-on-v2")

_JUDGED = (
    Judgment(
        CHECKOUT,
        findings=(
            Finding(
                "SVC101",
                "error",
                CHECKOUT,
                "no pod has the labels app=chekout; 2 pods have app=checkout in the namespace shop-v1",
                field="spec.selector",
                expected="labels that a pod has",
                seen="app=chekout",
                fix="correct the selector, or label the pods",
                reproduce=("kubectl", "get", "pods", "-n", "shop", "-l", "app=chekout"),
                port="80/TCP http",
            ),
        ),
    ),
    Judgment(CART, findings=(Finding("EPS101", "warning", CART, "1 of 2 endpoints is not ready"),)),
    Judgment(Ref("Service", "shop", "payments")),
    Judgment(SEARCH, unknowns=(Unknown("EPS102", SEARCH, "EndpointSlices could not be listed"),)),
    Judgment(Ref("Service", "kube-system", "kube-dns")),
    Judgment(Ref("Ingress", "shop", "front")),
)


def world(live: bool = True, more: Iterable[tuple[str, Object]] = ()) -> Snapshot:
    """The cluster of world.yaml, wholly read and judged, with these (kind, object) pairs put in."""
    read = open_file([str(Path(__file__).with_name("world.yaml"))])
    objects: list[tuple[str, Object]] = [
        (kind, each) for kind, of_kind in read.objects.items() for each in of_kind.values()
    ]
    coverage = {kind: Coverage("given") for kind in KINDS}
    made = snapshot_of([*objects, *more], coverage, TAKEN_AT, "cluster prod-eu")
    return replace(made, live=live, judgments={each.ref: each for each in _JUDGED})


def with_coverage(snapshot: Snapshot, **states: Coverage) -> Snapshot:
    """The same world, of which this is known: `Pod=Coverage("denied")`."""
    return replace(snapshot, coverage={**snapshot.coverage, **states})
