"""The Store: versions, histories and deletion as an API server has them."""

from __future__ import annotations

import pytest

from kinspect.lab.status import Rejection
from kinspect.lab.store import Event, Store


def namespace(name: str) -> dict:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def config(name: str, **data: str) -> dict:
    meta = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


@pytest.fixture
def store() -> Store:
    store = Store()
    store.create(namespace("shop"))
    return store


def refusal(call) -> dict:
    with pytest.raises(Rejection) as caught:
        call()
    return caught.value.status


def test_a_new_object_is_numbered_dated_and_named(store):
    made = store.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "a-", "namespace": "shop"}}
    )
    assert made["metadata"]["name"].startswith("a-") and len(made["metadata"]["name"]) == 7
    assert made["metadata"]["resourceVersion"] == "2" == str(store.version)
    assert made["metadata"]["uid"] and made["metadata"]["creationTimestamp"].endswith("Z")


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        (config("a"), 409, 'configmaps "a" already exists'),
        (
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "gone"}},
            404,
            'namespaces "gone" not found',
        ),
        ({"apiVersion": "v2", "kind": "ConfigMap"}, 404, "the server could not find the requested resource"),
        (
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "shop"}},
            422,
            'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
        ),
    ],
)
def test_create_refuses(store, given, code, message):
    store.create(config("a"))
    status = refusal(lambda: store.create(given))
    assert (status["code"], status["message"]) == (code, message)


def test_a_bad_name_is_told_with_the_rule(store):
    status = refusal(lambda: store.create(config("No_Good")))
    assert status["reason"] == "Invalid"
    assert status["details"]["causes"][0]["field"] == "metadata.name"
    assert "a lowercase RFC 1123 subdomain must consist of" in status["message"]


def test_an_equal_update_writes_nothing(store):
    made = store.create(config("a", x="1"))
    assert store.replace(made) is made
    assert store.version == 2


def test_an_update_of_an_old_version_is_a_conflict(store):
    made = store.create(config("a", x="1"))
    store.replace({**made, "data": {"x": "2"}})
    status = refusal(lambda: store.replace({**made, "data": {"x": "3"}}))
    assert status["code"] == 409
    assert status["message"] == (
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your '
        "changes to the latest version and try again"
    )


def test_an_old_list_is_rebuilt_from_the_history(store):
    store.create(config("a", x="1"))
    store.create(config("b"))
    then = store.version
    before = store.list("ConfigMap")
    store.update("ConfigMap", "shop", "a", lambda item: item.update(data={"x": "2"}))
    store.delete("ConfigMap", "shop", "b")
    store.create(config("c"))
    assert store.list_at("ConfigMap", "shop", then) == before
    assert [item["metadata"]["name"] for item in store.list("ConfigMap")] == ["a", "c"]


def test_what_fell_out_of_the_window_is_expired():
    store = Store(window=2)
    store.create(namespace("shop"))
    for name in "abc":
        store.create(config(name))
    assert [event.version for event in store.events_since("ConfigMap", 2)] == [3, 4]
    status = refusal(lambda: store.events_since("ConfigMap", 1))
    assert (status["code"], status["reason"], status["message"]) == (
        410,
        "Expired",
        "too old resource version: 1 (2)",
    )
    assert refusal(lambda: store.list_at("ConfigMap", None, 1))["code"] == 410


def test_compaction_forgets_everything(store):
    store.create(config("a"))
    store.compact()
    assert store.events_since("ConfigMap", store.version) == []
    assert refusal(lambda: store.events_since("ConfigMap", store.version - 1))["code"] == 410


def test_a_finalizer_keeps_an_object_until_it_is_taken_away(store):
    made = config("a")
    made["metadata"]["finalizers"] = ["example.org/wait"]
    store.create(made)
    last, gone = store.delete("ConfigMap", "shop", "a")
    assert not gone and last["metadata"]["deletionTimestamp"]
    store.update("ConfigMap", "shop", "a", lambda item: item["metadata"].pop("finalizers"))
    assert store.find("ConfigMap", "shop", "a") is None


def test_listeners_hear_every_write_with_what_it_replaced(store):
    heard: list[Event] = []
    stop = store.listen(heard.append)
    store.create(config("a", x="1"))
    store.update("ConfigMap", "shop", "a", lambda item: item.update(data={"x": "2"}))
    store.delete("ConfigMap", "shop", "a")
    stop()
    store.create(config("b"))
    assert [(event.type, event.version) for event in heard] == [("ADDED", 2), ("MODIFIED", 3), ("DELETED", 4)]
    assert heard[1].before == heard[0].object
    assert heard[2].object["metadata"]["resourceVersion"] == "4"


def test_a_namespace_that_is_ending_takes_nothing_new(store):
    store.update("Namespace", "", "shop", lambda item: item.update(spec={"finalizers": ["kubernetes"]}))
    store.delete("Namespace", "", "shop")
    assert store.get("Namespace", "", "shop")["status"]["phase"] == "Terminating"
    status = refusal(lambda: store.create(config("late")))
    assert status["message"] == (
        'configmaps "late" is forbidden: unable to create new content in namespace shop because it is being '
        "terminated"
    )
