"""A list answer cut into its items, however it arrives and in whatever order its members stand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinspect.sources.splitting import Splitter

PAGE = (Path(__file__).parent / "data" / "page-services.json").read_bytes()


def split(data: bytes, size: int) -> tuple[list[Any], Any, int]:
    """The items, the envelope, and how many items came before the end."""
    splitter, items = Splitter(), []
    for at in range(0, len(data), size):
        items += splitter.feed(data[at : at + size])
    early = len(items)
    last, envelope = splitter.end()
    return [json.loads(each) for each in items + last], json.loads(envelope), early


@pytest.mark.parametrize("size", [1, 7, 1_000, 100_000])
def test_a_recorded_answer(size: int) -> None:
    items, envelope, early = split(PAGE, size)
    whole = json.loads(PAGE)
    assert items == whole.pop("items")
    assert envelope == {**whole, "items": []}
    assert early == len(items) - 1


ITEM = {"metadata": {"name": "a", "note": 'x"},{"metadata":{"name":"y'}, "spec": {"list": [[{}], []]}}
NESTED = {"metadata": {"name": "b"}, "templates": [{"metadata": {"name": "t"}}, {"metadata": {"name": "u"}}]}
CUSTOM = {"apiVersion": "g/v1", "kind": "K", "metadata": {"name": "c"}, "refs": [{"apiVersion": "v1"}] * 2}


@pytest.mark.parametrize(
    "answer",
    [
        {"metadata": {"resourceVersion": "1"}, "items": []},
        {"metadata": {"resourceVersion": "1"}, "items": [ITEM]},
        {"metadata": {"resourceVersion": "1"}, "items": [ITEM, NESTED, ITEM, NESTED]},
        {"apiVersion": "g/v1", "items": [CUSTOM, CUSTOM, CUSTOM], "kind": "KList", "metadata": {"x": ["}]"]}},
        {"items": [{"other": 1}, {"order": [{}]}], "metadata": {"resourceVersion": "1"}},
    ],
)
@pytest.mark.parametrize("size", [1, 5, 10_000])
def test_answers_of_every_order(answer: dict[str, Any], size: int) -> None:
    items, envelope, _ = split(json.dumps(answer, separators=(",", ":")).encode(), size)
    assert items == answer["items"]
    assert envelope == {**answer, "items": []}


@given(st.binary(max_size=80), st.integers(1, 9))
def test_any_bytes_come_to_an_end(data: bytes, size: int) -> None:
    splitter = Splitter()
    for at in range(0, len(data), size):
        splitter.feed(data[at : at + size])
    items, envelope = splitter.end()
    assert len(envelope) <= len(data) + len(items)
