"""The three patches, by the examples of their definitions and of kubectl's own requests."""

from __future__ import annotations

import pytest

from kinspect.lab.api import merging
from kinspect.lab.status import Rejection

RFC_7386 = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    ({"a": "foo"}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "expected"), RFC_7386)
def test_a_merge_patch(target, patch, expected):
    assert merging.merge(target, patch) == expected


RFC_6902 = [
    ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
    ({"foo": ["bar", "baz"]}, [{"op": "add", "path": "/foo/1", "value": 1}], {"foo": ["bar", 1, "baz"]}),
    ({"foo": ["bar"]}, [{"op": "add", "path": "/foo/-", "value": "qux"}], {"foo": ["bar", "qux"]}),
    ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
    ({"foo": ["bar", "qux", "baz"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["bar", "baz"]}),
    ({"baz": "qux"}, [{"op": "replace", "path": "/baz", "value": "boo"}], {"baz": "boo"}),
    ({"a": {"b": 1}, "c": {}}, [{"op": "move", "from": "/a/b", "path": "/c/d"}], {"a": {}, "c": {"d": 1}}),
    ({"a": {"b": 1}}, [{"op": "copy", "from": "/a/b", "path": "/c"}], {"a": {"b": 1}, "c": 1}),
    ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
    ({"a/b": 1}, [{"op": "remove", "path": "/a~1b"}], {}),
]  # fmt: skip


@pytest.mark.parametrize(("target", "operations", "expected"), RFC_6902)
def test_a_json_patch(target, operations, expected):
    before = str(target)
    assert merging.apply_operations(target, operations) == expected
    assert str(target) == before


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/a", "value": 2},
        {"op": "replace", "path": "/missing", "value": 1},
        {"op": "remove", "path": "/missing"},
        {"op": "add", "path": "/list/9", "value": 1},
        {"op": "fold", "path": "/a"},
        {"op": "add", "path": "a", "value": 1},
    ],
)
def test_a_json_patch_that_cannot_be_done_is_refused(operation):
    with pytest.raises(Rejection) as caught:
        merging.apply_operations({"a": 1, "list": []}, [operation])
    assert caught.value.code == 422


def test_containers_are_merged_by_name_and_their_ports_by_number():
    target = {"containers": [{"name": "a", "image": "1", "ports": [{"containerPort": 80}]}, {"name": "b"}]}
    patch = {"containers": [{"name": "a", "image": "2", "ports": [{"containerPort": 81}]}]}
    merged = merging.strategic(target, patch)["containers"]
    assert merged[0] == {"name": "a", "image": "2", "ports": [{"containerPort": 81}, {"containerPort": 80}]}
    assert merged[1] == {"name": "b"}


def test_service_ports_are_merged_by_port_and_can_be_deleted():
    target = {"ports": [{"port": 80, "name": "http", "nodePort": 30080}, {"port": 443, "name": "https"}]}
    patch = {"ports": [{"port": 80, "targetPort": 8080}, {"port": 443, "$patch": "delete"}]}
    assert merging.strategic(target, patch) == {
        "ports": [{"port": 80, "name": "http", "nodePort": 30080, "targetPort": 8080}]
    }


def test_orders_to_the_merge():
    target = {
        "finalizers": ["a", "b"],
        "containers": [{"name": "a"}, {"name": "b"}],
        "selector": {"x": "1", "y": "2"},
    }
    patch = {
        "$deleteFromPrimitiveList/finalizers": ["a"],
        "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}],
        "containers": [{"name": "b", "image": "i"}],
        "selector": {"$patch": "replace", "z": "3"},
    }
    assert merging.strategic(target, patch) == {
        "finalizers": ["b"],
        "containers": [{"name": "b", "image": "i"}, {"name": "a"}],
        "selector": {"z": "3"},
    }


def test_only_the_keys_to_retain_are_left():
    target = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}
    patch = {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}
    assert merging.strategic(target, patch) == {"strategy": {"type": "Recreate"}}


def test_lists_without_a_key_are_replaced():
    assert merging.strategic({"args": ["a", "b"]}, {"args": ["c"]}) == {"args": ["c"]}
    target = {"addressType": "IPv4", "ports": [{"name": "a", "port": 80}]}
    assert merging.strategic(target, {"ports": [{"name": "b", "port": 81}]})["ports"] == [
        {"name": "b", "port": 81}
    ]


def test_an_item_without_its_key_is_refused():
    with pytest.raises(Rejection, match="does not contain declared merge key: name"):
        merging.strategic({"containers": [{"name": "a"}]}, {"containers": [{"image": "x"}]})
