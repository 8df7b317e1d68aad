"""A trace keeps its published schema, with every key present."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from kinspect.asks.trace import TraceAsk, predict
from kinspect.export.encode import schema_of
from kinspect.model.path import Trace, encode
from kinspect.sources import open_file

STORY = Path(__file__).parents[2] / "snapshots" / "service-apis" / "objects.yaml"


@pytest.mark.parametrize("target", ["svc/web:http", "svc/edge", "node/node2:30081", "pod/blue:80"])
def test_a_predicted_trace_keeps_its_schema(target: str) -> None:
    told = predict(open_file([str(STORY)]), TraceAsk(target, "pod/shop/toolbox", "shop"))
    document = json.loads(encode(told))
    jsonschema.validate(document, schema_of(Trace))
    assert all(
        set(each["required"]) == set(each["properties"])
        for each in schema_of(Trace)["$defs"].values()
        if "properties" in each
    )
    assert document["schema"] == "kinspect/trace/v1" and document["paths"]
