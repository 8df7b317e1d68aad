"""Judging by all rules: the Services of a fifth of the large cluster, each with its slices and five pods."""

from __future__ import annotations

import time

from kinspect.judge import Judge
from kinspect.model.coverage import Coverage
from kinspect.model.decoding import decode
from kinspect.model.kinds import KINDS
from kinspect.model.meta import Object
from kinspect.model.sharing import Sharing
from kinspect.model.snapshot import Snapshot, snapshot_of
from kinspect.rules import load
from tests.bench import objects
from tests.bench.report import Row, Section, below

SIZE = objects.FULL.scaled(5)
MAKE = {
    "Service": (SIZE.services, objects.service),
    "EndpointSlice": (SIZE.slices, lambda number: objects.slice_(number, SIZE)),
    "Node": (SIZE.nodes, objects.node),
    "Pod": (SIZE.pods, lambda number: objects.pod(number, SIZE)),
}


def run() -> Section:
    snapshot = _cluster()
    load()
    everything = min(_judged_s(snapshot) for _ in range(3))
    judge = Judge()
    judge.note_all(snapshot)
    judge.step(snapshot, lambda: False)
    services = list(snapshot.services.values())
    for service in services:
        judge.note("Service", service, service, snapshot.index)
    again = _step_s(judge, snapshot)
    judge.note_coverage("Pod")
    coverage = _step_s(judge, snapshot)
    return Section(
        "judging",
        "Judging",
        (
            below(
                "one Service with its two slices, by all rules", everything / len(services) * 1e6, "µs", 200
            ),
            Row(f"{len(services):,} Services touched at once", f"{again * 1000:,.3g} ms"),
            Row("pods become known: the rules that read them, on all subjects", f"{coverage * 1000:,.3g} ms"),
        ),
        (f"CPU time. {len(load())} rules, {len(snapshot.slices):,} slices, {len(snapshot.pods):,} pods.",),
    )


def _judged_s(snapshot: Snapshot) -> float:
    judge = Judge()
    judge.note_all(snapshot)
    return _step_s(judge, snapshot)


def _step_s(judge: Judge, snapshot: Snapshot) -> float:
    began = time.process_time()
    judge.step(snapshot, lambda: False)
    return time.process_time() - began


def _cluster() -> Snapshot:
    """As it is read from an API server: equal parts are the same objects."""
    made, sharing = list[tuple[str, Object]](), Sharing()
    for kind, (count, make) in MAKE.items():
        for number in range(count):
            found = decode(KINDS[kind], objects.encoded(make(number)))
            assert isinstance(found, Object)
            made.append((kind, sharing.share(found)))
    return snapshot_of(made, {kind: Coverage("given") for kind in KINDS})
