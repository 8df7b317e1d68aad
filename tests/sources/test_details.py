"""What is shown of one object: no bookkeeping, no secret values; its events, newest first."""

from __future__ import annotations

import json

import pytest

from kinspect.model import yaml
from kinspect.model.meta import Ref
from kinspect.sources import details

META = {
    "name": "x",
    "managedFields": [{"manager": "kubectl"}],
    "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
}


def shown(document: object) -> object:
    return next(iter(yaml.documents(details.shown_yaml(json.dumps(document).encode()).encode(), "f")))


def test_bookkeeping_is_left_out() -> None:
    assert shown({"kind": "Service", "metadata": META, "spec": {"a": None}}) == {
        "kind": "Service",
        "metadata": {"name": "x"},
        "spec": {"a": None},
    }


def test_other_annotations_stay() -> None:
    annotations = {**META["annotations"], "mine": "1"}  # type: ignore[dict-item]
    assert shown({"metadata": {"annotations": annotations}}) == {"metadata": {"annotations": {"mine": "1"}}}


def test_the_values_of_a_secret_are_masked() -> None:
    secret = {"kind": "Secret", "data": {"k": "aHVudGVyMg=="}, "stringData": None}
    text = details.shown_yaml(json.dumps(secret).encode())
    assert "aHVudGVyMg" not in text
    assert "k: (hidden)" in text


@pytest.mark.parametrize("document", ["text", 7, [1], None, {"metadata": "odd", "kind": 7}])
def test_odd_documents_are_shown_as_they_are(document: object) -> None:
    assert shown(document) == document


def test_events_are_asked_by_uid_but_for_nodes() -> None:
    assert details.events_query(Ref("Pod", "a", "p"), "u1")["fieldSelector"] == "involvedObject.uid=u1"
    node = details.events_query(Ref("Node", "", "n1"), "u1")["fieldSelector"]
    assert node == "involvedObject.kind=Node,involvedObject.name=n1"


def test_events_of_either_age_newest_first() -> None:
    old = {
        "type": "Warning",
        "reason": "Failed",
        "message": "no",
        "count": 3,
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:05:00Z",
        "eventTime": None,
        "source": {"component": "kubelet"},
        "reportingComponent": "",
    }
    new = {
        "reason": "Pulled",
        "eventTime": "2026-01-01T00:01:00Z",
        "series": {"count": 2, "lastObservedTime": "2026-01-01T00:09:00Z"},
        "reportingComponent": "scheduler",
    }
    found = details.events(json.dumps({"items": [old, new]}).encode())
    assert [(each.reason, each.last_seen, each.count, each.source) for each in found] == [
        ("Pulled", "2026-01-01T00:09:00Z", 1, "scheduler"),
        ("Failed", "2026-01-01T00:05:00Z", 3, "kubelet"),
    ]
    assert details.events(b'{"items":null}') == ()
