"""Any history: the list as it was, and what a watcher saw, agree with what was there."""

from __future__ import annotations

import copy

from hypothesis import given
from hypothesis import strategies as st

from kinspect.lab.status import Rejection
from kinspect.lab.store import Store, name_of

STEPS = st.lists(
    st.tuples(st.sampled_from(["write", "delete"]), st.sampled_from("abc"), st.integers(0, 3)), max_size=40
)


def do(store: Store, what: str, name: str, value: int) -> None:
    present = store.find("ConfigMap", "shop", name)
    if what == "delete":
        if present:
            store.delete("ConfigMap", "shop", name)
    elif present:
        store.update("ConfigMap", "shop", name, lambda item: item.update(data={"x": str(value)}))
    else:
        meta = {"name": name, "namespace": "shop"}
        store.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"x": str(value)}})


def new_store(window: int) -> Store:
    store = Store(window=window)
    store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    return store


@given(STEPS, st.integers(1, 50))
def test_every_past_list_is_rebuilt_or_expired(steps, window):
    store = new_store(window)
    states = {store.version: store.list("ConfigMap")}
    for step in steps:
        do(store, *step)
        states[store.version] = copy.deepcopy(store.list("ConfigMap"))
    for version, expected in states.items():
        try:
            found = store.list_at("ConfigMap", "shop", version)
        except Rejection as rejection:
            assert rejection.code == 410 and window < len(steps)
            continue
        assert found == expected


@given(STEPS, st.integers(0, 40))
def test_the_events_since_a_list_lead_from_it_to_the_present(steps, cut):
    store = new_store(1_000)
    for step in steps[:cut]:
        do(store, *step)
    seen = {name_of(item): item for item in store.list("ConfigMap")}
    start = store.version
    for step in steps[cut:]:
        do(store, *step)
    for event in store.events_since("ConfigMap", start):
        if event.type == "DELETED":
            del seen[name_of(event.object)]
        else:
            assert (event.type == "ADDED") == (name_of(event.object) not in seen)
            seen[name_of(event.object)] = event.object
    assert sorted(seen) == [name_of(item) for item in store.list("ConfigMap")]
    assert [seen[name] for name in sorted(seen)] == store.list("ConfigMap")
