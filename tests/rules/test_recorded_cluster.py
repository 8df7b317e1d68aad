"""What the rules find in a real cluster: exactly what was broken there on purpose, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from kinspect.judge import judged
from kinspect.model.snapshot import Snapshot
from kinspect.sources.manifests import read_manifests

LISTS = Path(__file__).parent.parent / "recorded" / "cluster"

FOUND = {
    ("GWY101", "broken"),  # its backend is no Service
    ("GWY103", "broken"),  # its backend in kube-system is not granted
    ("GWY105", "broken"),  # no Gateway controller ran in this cluster
    ("GWY105", "shop"),
    ("GWY105", "grpc"),
    ("ING101", "broken"),  # its path /missing leads to no Service
    ("ING102", "broken"),  # its path /badport leads to port 81
    ("ING103", "other-class"),
    ("SVC107", "echo-ext"),
    ("EPS102", "many"),  # five of its 150 hand-written endpoints have ready: false
    ("SVC101", "nobody"),
    ("TRF101", "one-local"),
    ("TRF102", "one-local"),
    ("EPS105", "pubnr"),
    ("TRF105", "term"),
    ("SVC101", "zero"),
    ("SVC101", "zero-headless"),
}


@pytest.fixture(scope="module")
def cluster() -> Snapshot:
    return judged(read_manifests([str(LISTS)]))


def test_finds_what_is_broken_and_nothing_else(cluster: Snapshot) -> None:
    found = {(each.code, each.ref.name) for one in cluster.judgments.values() for each in one.findings}
    assert found == FOUND


def test_knows_everything(cluster: Snapshot) -> None:
    assert [each for one in cluster.judgments.values() for each in one.unknowns] == []
    assert cluster.pending == 0


def test_tells_the_workload_that_is_scaled_to_nothing(cluster: Snapshot) -> None:
    (zero,) = (each for one in cluster.judgments.values() for each in one.findings if each.ref.name == "zero")
    assert "Deployment zero would make such pods but is scaled to 0" in zero.message
    assert "scale deployment zero --replicas=1" in zero.fix
