"""A snapshot file is whole or not there, opens as the same snapshot, and tells what is wrong with it."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kinspect.errors import Unreadable
from kinspect.model import codec
from kinspect.model.coverage import Coverage
from kinspect.model.kinds import KINDS
from kinspect.model.meta import Meta, Object
from kinspect.model.snapshot import Snapshot, snapshot_of
from kinspect.sources import open_file, saved
from kinspect.sources.manifests import read_manifests

STORY = Path(__file__).parent / "data" / "story.yaml"


@pytest.fixture
def snapshot() -> Snapshot:
    return read_manifests([str(STORY)])


@pytest.mark.parametrize("name", ["s.json", "s.json.gz"])
def test_what_was_saved_is_what_opens(snapshot: Snapshot, tmp_path: Path, name: str) -> None:
    saved.save(snapshot, tmp_path / name)
    opened = open_file([str(tmp_path / name)])
    assert opened == snapshot
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_equal_snapshots_are_equal_bytes(snapshot: Snapshot, tmp_path: Path) -> None:
    saved.save(snapshot, tmp_path / "a.json.gz")
    saved.save(snapshot, tmp_path / "b.json.gz")
    assert (tmp_path / "a.json.gz").read_bytes() == (tmp_path / "b.json.gz").read_bytes()


def test_nothing_secret_is_written_and_what_was_dropped_is_listed(snapshot: Snapshot) -> None:
    text = codec.encode(snapshot, "kinspect test").decode()
    assert "hunter2" not in text
    assert "last-applied" not in text
    assert any("environment" in each for each in json.loads(text)["dropped"])


def test_a_failed_write_leaves_the_old_file(
    snapshot: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.json"
    path.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unreadable, match="No space left"):
        saved.save(snapshot, path)
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["s.json"]


def test_an_unwritable_place_is_told(snapshot: Snapshot, tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="not written: No such file"):
        saved.save(snapshot, tmp_path / "absent" / "s.json")


def test_bad_files_are_told_apart(snapshot: Snapshot, tmp_path: Path) -> None:
    whole = codec.encode(snapshot, "kinspect test")
    cases = {
        "cut.json": (whole[: len(whole) // 2], "is cut off after"),
        "cut.json.gz": (gzip.compress(whole)[:-200], "the gzip data is cut off"),
        "broken.json.gz": (b"\x1f\x8b" + b"no" * 50, "broken gzip data"),
        "newer.json": (whole.replace(b"snapshot/v1", b"snapshot/v2"), "written by a newer kinspect"),
        "odd.json": (whole.replace(b"snapshot/v1", b"snapshot/x"), "not a kinspect snapshot"),
        "wrong.json": (whole.replace(b'"port": 80', b'"port": "x"'), "not a readable snapshot"),
    }
    for name, (data, says) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(Unreadable) as caught:
            open_file([str(tmp_path / name)])
        assert says in caught.value.message, name


def test_a_gzip_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinspect.sources.files.MAX_BYTES", 1_000_000)
    (tmp_path / "bomb.json.gz").write_bytes(gzip.compress(bytes(50_000_000)))
    with pytest.raises(Unreadable, match="larger than"):
        open_file([str(tmp_path / "bomb.json.gz")])


texts = st.text(max_size=8)
names = st.text(min_size=1, max_size=8)
metas = st.builds(
    Meta,
    name=names,
    namespace=texts,
    labels=st.dictionaries(texts, texts, max_size=3),
    deletion_timestamp=st.none() | texts,
    resource_version=texts,
)
objects = st.sampled_from(sorted(KINDS)).flatmap(
    lambda name: st.tuples(st.just(name), st.builds(KINDS[name].type, metadata=metas))
)
coverages = st.dictionaries(
    st.sampled_from(sorted(KINDS)),
    st.builds(
        Coverage,
        state=st.sampled_from(["given", "absent", "denied", "lost"]),
        reason=texts,
        namespaces=st.none() | st.tuples(names),
        as_of=st.none() | texts,
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(objects, max_size=6), coverages, texts)
def test_any_snapshot_survives_the_codec(
    pairs: list[tuple[str, Object]], known: dict[str, Coverage], note: str
) -> None:
    before = snapshot_of(pairs, known, datetime(2026, 1, 1, tzinfo=UTC), "a source", (note,))
    after = codec.decode(codec.encode(before, "kinspect test"), "f")
    # The index follows from the objects, and its sets have no order.
    assert replace(after, index=before.index) == before


def test_keys_in_another_order_are_the_same_snapshot(snapshot: Snapshot, tmp_path: Path) -> None:
    """As `jq -S` writes them."""
    file = tmp_path / "sorted.json"
    file.write_text(json.dumps(json.loads(codec.encode(snapshot, "kinspect test")), sort_keys=True))
    assert open_file([str(file)]) == snapshot


@pytest.mark.parametrize("inside", [b"[" * 100_000 + b"]" * 100_000, b'"caf\xe9"'])
def test_json_that_is_none_is_told(inside: bytes) -> None:
    data = (
        b'{"schema": "kinspect/snapshot/v1", "objects": {"Service": [{"spec": {"type": ' + inside + b"}}]}}"
    )
    with pytest.raises(Unreadable, match="not a readable snapshot"):
        codec.decode(data, "s.json")
