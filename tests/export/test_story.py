"""The bundled story as every headless command prints it: golden bytes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest

from kinspect.export.encode import json_bytes, json_line, schema_of, yaml_bytes
from kinspect.export.findings import findings
from kinspect.export.scope import Scope
from kinspect.export.text import COLOURS, findings_lines, hidden_lines, summary_line, tree_lines
from kinspect.export.tree import tree
from kinspect.judge import judged
from kinspect.model import yaml
from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot
from kinspect.outline.perspectives import PERSPECTIVES, Perspective, root_of, roots
from kinspect.outline.summary import summary
from kinspect.sources import open_file
from tests.golden import check_golden

STORY = Path(__file__).parents[2] / "snapshots" / "service-apis" / "objects.yaml"
GOLDEN = Path(__file__).parent / "golden"
ALL = Scope()
TAKEN_AT = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def story() -> Snapshot:
    return judged(replace(open_file([str(STORY)]), taken_at=TAKEN_AT, source="the story"))


@pytest.mark.parametrize("perspective", PERSPECTIVES)
def test_text_of_each_perspective(story: Snapshot, perspective: Perspective) -> None:
    lines = [summary_line(summary(story), story.source), *tree_lines(story, roots(story, perspective), {})]
    check_golden(GOLDEN / f"{perspective}.txt", "\n".join([*lines, *hidden_lines(summary(story)), ""]))


@pytest.mark.parametrize(
    "ref",
    [
        Ref("Service", "shop", "colours"),
        Ref("Node", "", "node2"),
        Ref("Ingress", "shop", "shop"),
        Ref("Namespace", "", "infra"),
    ],
)
def test_text_of_one_object(story: Snapshot, ref: Ref) -> None:
    lines = tree_lines(story, [root_of(ref)], {})
    check_golden(GOLDEN / f"{ref.kind.lower()}-{ref.name}.txt", "\n".join([*lines, ""]))


def test_findings_as_text(story: Snapshot) -> None:
    document = findings(story, ALL, rules=1)
    check_golden(GOLDEN / "findings.txt", "\n".join([*findings_lines(document, {}), ""]))


def test_tree_as_json_and_yaml(story: Snapshot) -> None:
    document = tree(story, ALL)
    check_golden(GOLDEN / "tree.json", json_bytes(document))
    assert json.loads(json_line(document)) == json.loads(json_bytes(document))
    assert list(yaml.documents(yaml_bytes(document), "tree")) == [json.loads(json_bytes(document))]


def test_findings_as_json(story: Snapshot) -> None:
    check_golden(GOLDEN / "findings.json", json_bytes(findings(story, ALL, rules=1)))


def test_documents_keep_their_published_schemas(story: Snapshot) -> None:
    for document in (tree(story, ALL), findings(story, ALL, rules=1)):
        schema = schema_of(type(document))
        jsonschema.validate(json.loads(json_bytes(document)), schema)
        for definition in schema["$defs"].values():
            assert set(definition["required"]) == set(definition["properties"])


def test_colour_changes_no_word(story: Snapshot) -> None:
    import re

    plain = list(tree_lines(story, roots(story, "services"), {}))
    coloured = tree_lines(story, roots(story, "services"), COLOURS)
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in coloured] == plain
