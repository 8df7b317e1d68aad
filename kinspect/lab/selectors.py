"""Label and field selectors as they stand in a query. Source: apimachinery's labels/ and fields/."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from kinspect.lab import status
from kinspect.lab.status import Json

Test = Callable[[Json], bool]
LabelTest = Callable[[Mapping[str, str]], bool]

_SET = re.compile(r"^\s*([^\s!=,()]+)\s+(in|notin)\s+\(([^()]*)\)\s*$")
_EQUAL = re.compile(r"^\s*([^\s!=,()]+)\s*(==|=|!=)\s*([^\s!=,()]*)\s*$")
_EXISTS = re.compile(r"^\s*(!?)\s*([^\s!=,()]+)\s*$")
_COMMA = re.compile(r",(?![^()]*\))")

_COMMON_FIELDS = ("metadata.name", "metadata.namespace")
_FIELDS: Mapping[str, tuple[str, ...]] = {
    # apis/core/v1/conversion.go: the only fields that can be selected by, kind by kind
    "Pod": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    "Event": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "Node": ("spec.unschedulable",),
    "Namespace": ("status.phase",),
    "Secret": ("type",),
    "Service": ("spec.clusterIP", "spec.type"),
    "ReplicaSet": ("status.replicas",),
}


def label_test(selector: str) -> Test:
    """A test for objects with these labels, e.g. `app=web,tier in (a, b),!old`. Raises BadRequest."""
    tests = [_label_requirement(part) for part in _COMMA.split(selector) if part.strip()]
    return lambda item: all(test(item["metadata"].get("labels", {})) for test in tests)


def field_test(kind: str, selector: str) -> Test:
    """A test for objects with these fields, e.g. `spec.nodeName=node1`. Raises BadRequest."""
    allowed = _COMMON_FIELDS + _FIELDS.get(kind, ())
    tests = []
    for part in selector.split(","):
        if not part.strip():
            continue
        found = _EQUAL.match(part)
        if not found:
            raise status.bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
        field, operator, value = found.groups()
        if field not in allowed:
            raise status.bad_request(f"field label not supported: {field}")
        tests.append((field, value, operator == "!="))
    return lambda item: all((_field(item, field) == value) != negated for field, value, negated in tests)


def label_selector_test(selector: Mapping[str, Any]) -> LabelTest:
    """A test of labels from a LabelSelector object; the empty selector takes everything."""
    tests = [_equals(key, value) for key, value in (selector.get("matchLabels") or {}).items()]
    tests += [
        _requirement(each["key"], each["operator"].lower(), frozenset(each.get("values") or ()))
        for each in selector.get("matchExpressions") or ()
    ]
    return lambda labels: all(test(labels) for test in tests)


def _label_requirement(part: str) -> LabelTest:
    if found := _SET.match(part):
        key, operator, values = found.groups()
        return _requirement(key, operator, frozenset(value.strip() for value in values.split(",")))
    if found := _EQUAL.match(part):
        key, operator, value = found.groups()
        return _requirement(key, "notin" if operator == "!=" else "in", frozenset([value]))
    if found := _EXISTS.match(part):
        negated, key = found.groups()
        return _requirement(key, "doesnotexist" if negated else "exists", frozenset())
    raise status.bad_request(f"unable to parse requirement: found '{part.strip()}', expected: identifier")


def _requirement(key: str, operator: str, values: frozenset[str]) -> LabelTest:
    if operator == "in":
        return lambda labels: labels.get(key) in values
    if operator == "notin":
        return lambda labels: labels.get(key) not in values
    present = operator == "exists"
    return lambda labels: (key in labels) == present


def _equals(key: str, value: str) -> LabelTest:
    return lambda labels: labels.get(key) == value


def _field(item: Json, path: str) -> str:
    if path == "source":
        path = "source.component"
    value: Any = item
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
