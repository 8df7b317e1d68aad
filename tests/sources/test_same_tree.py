"""One story, every kind of source: live over HTTPS, manifests, Lists on standard input, a saved snapshot.

All give the same tree and the same findings, byte for byte; only what is *not known* may differ, since a file
says nothing about kinds that it does not contain.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kinspect.export.encode import json_bytes
from kinspect.export.findings import findings
from kinspect.export.scope import Scope
from kinspect.export.tree import tree
from kinspect.inspection import Inspection
from kinspect.judge import judged
from kinspect.lab import manifests, paper
from kinspect.lab.apiserver import ApiServer
from kinspect.lab.certificates import Authority
from kinspect.lab.store import Store
from kinspect.model import yaml
from kinspect.model.snapshot import Snapshot
from kinspect.sources import open_file
from kinspect.sources.kube import open_cluster
from kinspect.sources.options import ClusterOptions
from kinspect.sources.saved import save

STORY = Path(__file__).parents[2] / "snapshots" / "service-apis"
NOW = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)


def from_manifests(tmp_path: Path) -> Snapshot:
    return judged(open_file([str(STORY / "objects.yaml")]))


def from_lists(tmp_path: Path) -> Snapshot:
    """As `kubectl get … -o json` prints it, piped in: one JSON List."""
    (document,) = yaml.documents((STORY / "objects.yaml").read_bytes(), "objects.yaml")
    return judged(open_file(["-"], json.dumps(document).encode()))


def from_folder(tmp_path: Path) -> Snapshot:
    """One file for each object."""
    (document,) = yaml.documents((STORY / "objects.yaml").read_bytes(), "objects.yaml")
    for number, item in enumerate(document["items"]):
        (tmp_path / f"{number}.json").write_text(json.dumps(item))
    return judged(open_file([str(tmp_path)]))


def from_saved(tmp_path: Path) -> Snapshot:
    path = tmp_path / "story.json.gz"
    save(open_file([str(STORY / "objects.yaml")]), path)
    return judged(open_file([str(path)]))


def live(tmp_path: Path) -> Snapshot:
    return asyncio.run(_live(tmp_path))


async def _live(tmp_path: Path) -> Snapshot:
    store = Store(clock=lambda: NOW, rng=random.Random(0), window=0)
    paper.fill(store, manifests.read([str(STORY / "manifests.yaml")]), Authority()).stop()
    async with ApiServer(store, tmp_path) as server:
        source = open_cluster(ClusterOptions(kubeconfig=str(server.kubeconfig)), None)
        inspection = Inspection(source)
        async with asyncio.TaskGroup() as group, asyncio.timeout(30):
            task = group.create_task(inspection.run())
            snapshot = await inspection.loaded()
            task.cancel()
            await source.aclose()
    return snapshot


def faces(snapshot: Snapshot) -> tuple[bytes, bytes]:
    """What a machine would read of it, but for the time and for what is not known."""
    document = json.loads(json_bytes(tree(snapshot, Scope())))
    del document["takenAt"], document["hidden"]
    return json.dumps(document, indent=1).encode(), json_bytes(findings(snapshot, Scope(), rules=0))


@pytest.fixture(scope="module")
def expected() -> tuple[bytes, bytes]:
    return faces(from_manifests(Path()))


@pytest.mark.parametrize("source", [from_lists, from_folder, from_saved, live])
def test_every_source_gives_the_same_tree_and_findings(
    source: Callable[[Path], Snapshot], expected: tuple[bytes, bytes], tmp_path: Path
) -> None:
    seen_tree, seen_findings = faces(source(tmp_path))
    assert seen_tree.decode() == expected[0].decode()
    assert seen_findings.decode() == expected[1].decode()
