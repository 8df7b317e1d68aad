"""Any manifest, however mangled, is taken or refused; the controllers then settle on what there is."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kinspect.lab import fields, manifests, paper
from kinspect.lab.certificates import Authority
from kinspect.lab.controllers import Controllers
from kinspect.lab.status import Rejection
from kinspect.lab.store import Store
from tests.make_story import STORIES

ITEMS = manifests.read([str(STORIES / "service-apis" / "manifests.yaml")])
JUNK: list[Any] = [
    *(None, "", 0, -1, 1.5, True, "x", "None", "10.96.0.0/33", 99_999_999_999),
    *([], {}, [None], [{}], ["a"], {"a": None}, {"matchLabels": {"a": "b"}}),
]
MOST_KEYS = 5_000


def paths(value: Any, path: tuple = ()) -> Iterator[tuple]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield (*path, key)
        yield from paths(part, (*path, key))


PLACES = [
    (index, path)
    for index, item in enumerate(ITEMS)
    for path in paths(item)
    if path[0] not in ("kind", "apiVersion")
]


@pytest.fixture(scope="module")
def cluster() -> tuple[Store, Controllers]:
    store = Store()
    namespaces = [item for item in ITEMS if item["kind"] == "Namespace"]
    return store, paper.fill(store, namespaces, Authority())


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(PLACES), junk=st.sampled_from(JUNK))
def test_a_mangled_manifest_is_taken_or_refused(cluster, place, junk):
    store, controllers = cluster
    index, (*way, last) = place
    item = copy.deepcopy(ITEMS[index])
    around = item
    for key in way:
        around = around[key]
    around[last] = copy.deepcopy(junk)
    try:
        checked = fields.check(item).item
        meta = checked.get("metadata") or {}
        present = store.find(item["kind"], meta.get("namespace") or "", meta.get("name") or "")
        (store.replace if present else store.create)(checked)
    except (Rejection, fields.WrongType):
        return
    assert controllers.settle(MOST_KEYS), "the controllers do not settle"
