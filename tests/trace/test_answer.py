"""The answer as a person and as a machine get it: a golden text for each recorded story, JSON for two."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from kinspect.model.path import SCHEMA, Trace, encode
from kinspect.model.snapshot import Snapshot
from kinspect.outline.path import lines
from kinspect.sources import open_file
from kinspect.trace import answer
from kinspect.trace.expected import expect
from kinspect.trace.run import Run
from kinspect.trace.target import at_address
from tests.golden import check_golden
from tests.trace.recordings import OWNED
from tests.trace.test_recorded_stories import CLIENT, NODE_PORT, STORIES, told

GOLDEN = Path(__file__).with_name("golden")


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return open_file([str(Path(__file__).with_name("recorded.yaml"))], None)


def trace_of(name: str, snapshot: Snapshot) -> Trace:
    story = STORIES[name]
    seen, compared = told(name, snapshot)
    run = Run(seen.verdict, compared.hops, None, compared.parting, compared.alternative, "")
    target = at_address("{}:{}".format(*story.called), snapshot, *story.called)
    return answer.answer(target, str(story.vantage.place), "marked connect", [run], {}, 0)


@pytest.mark.parametrize("name", STORIES)
def test_the_text_of_a_story(name: str, snapshot: Snapshot) -> None:
    text = "\n".join(line.text for line in lines(trace_of(name, snapshot)))
    check_golden(GOLDEN / f"{name}.txt", text + "\n")


@pytest.mark.parametrize("name", ["nodeport-cross-node", "broken-fdb-entry-removed"])
def test_the_json_of_a_story(name: str, snapshot: Snapshot) -> None:
    check_golden(GOLDEN / f"{name}.json", encode(trace_of(name, snapshot)) + b"\n")


@pytest.mark.parametrize("name", STORIES)
def test_the_json_keeps_its_schema_and_leaves_no_key_out(name: str, snapshot: Snapshot) -> None:
    document = json.loads(encode(trace_of(name, snapshot)))
    jsonschema.validate(document, msgspec.json.schema(Trace))
    assert next(iter(document)) == "schema"
    assert document["schema"] == SCHEMA
    keys = {"direction", "place", "interface", "actions", "src", "dst", "encapsulation", "ttl", "timeNs"}
    keys |= {"matchedBy", "predicted", "agrees", "because"}
    for path in document["paths"]:
        assert all(keys <= hop.keys() for hop in path["hops"])


def test_a_prediction_alone_has_every_alternative_with_its_share(snapshot: Snapshot) -> None:
    target = at_address("node port", snapshot, *NODE_PORT)
    told = answer.predicted(target, "client", expect(snapshot, target, CLIENT, OWNED))
    assert (told.method, told.verdict) == ("prediction", "delivered")
    assert [path.share for path in told.paths] == [1.0]
    assert all(hop.matched_by is None and hop.time_ns is None for path in told.paths for hop in path.hops)


def test_runs_of_the_same_way_are_one_path_with_its_share(snapshot: Snapshot) -> None:
    target = at_address("node port", snapshot, *NODE_PORT)
    runs = []
    for name in ("nodeport-cross-node", "nodeport-cross-node", "broken-fdb-entry-removed"):
        seen, compared = told(name, snapshot)
        runs.append(Run(seen.verdict, compared.hops, None, compared.parting, compared.alternative, ""))
    together = answer.answer(target, "client", "marked connect", runs, {}, 0)
    assert [round(path.share, 2) for path in together.paths] == [0.67, 0.33]
    assert together.verdict == "dropped"
    assert together.divergence is not None
    assert together.divergence.path == 1
