"""Tables, cell by cell beside those that a real server made of the same objects."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kinspect.lab.api.tables import table
from kinspect.lab.api.tables.column import duration
from kinspect.lab.api.watching import bookmark
from kinspect.lab.resources import GATEWAY_RESOURCES, RESOURCES

RECORDED = json.loads((Path(__file__).parent / "recorded-tables.json").read_text())
TAKEN = datetime(2026, 11, 23, 16, 56, 10, tzinfo=UTC)
ROWS = [(plural, row) for plural, found in RECORDED.items() for row in found["rows"]]


@pytest.mark.parametrize("plural", RECORDED)
def test_the_columns(plural):
    kind = RECORDED[plural]["rows"][0]["object"]["kind"]
    found = table(kind, [], {}, TAKEN, "Metadata")["columnDefinitions"]
    assert [{k: c[k] for k in ("name", "type", "format", "priority")} for c in found] == RECORDED[plural][
        "columns"
    ]


@pytest.mark.parametrize(("plural", "row"), ROWS, ids=[f"{p}-{r['cells'][0]}" for p, r in ROWS])
def test_the_cells_of_a_row(plural, row):
    item = row["object"]
    found = table(item["kind"], [item], {}, TAKEN, "None")["rows"][0]
    assert found == {"cells": row["cells"], "object": None}


def test_the_row_of_a_bookmark_is_that_of_an_empty_object():
    service = next(r for r in RESOURCES if r.kind == "Service")
    found = table("Service", [bookmark(service, 268).object], {}, TAKEN, "None", header=False)
    assert found["rows"][0]["cells"] == ["", "", "<none>", "<unknown>", "<none>", "<unknown>", "<none>"]
    assert found["columnDefinitions"] is None


@pytest.mark.parametrize("resource", RESOURCES + GATEWAY_RESOURCES, ids=lambda r: r.kind)
def test_every_kind_has_a_row_for_a_bookmark(resource):
    found = table(resource.kind, [bookmark(resource, 1).object], {}, TAKEN, "Metadata")
    assert len(found["rows"][0]["cells"]) == len(found["columnDefinitions"])


@pytest.mark.parametrize(
    ("passed", "told"),
    [
        (timedelta(seconds=-5), "<invalid>"),
        (timedelta(seconds=-1), "0s"),
        (timedelta(seconds=119), "119s"),
        (timedelta(minutes=2), "2m"),
        (timedelta(minutes=9, seconds=59), "9m59s"),
        (timedelta(minutes=179), "179m"),
        (timedelta(hours=3), "3h"),
        (timedelta(hours=7, minutes=1), "7h1m"),
        (timedelta(hours=47), "47h"),
        (timedelta(days=2), "2d"),
        (timedelta(days=7, hours=3), "7d3h"),
        (timedelta(days=700), "700d"),
        (timedelta(days=365 * 3 + 5), "3y5d"),
        (timedelta(days=365 * 9), "9y"),
    ],
)
def test_ages(passed, told):
    assert duration(passed.total_seconds()) == told
