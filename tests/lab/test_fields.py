"""Slips of the pen: unknown fields and wrong types, refused in a real server's words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kinspect.lab import fields
from kinspect.lab.field_names import FIELDS

HERE = Path(__file__).parent
REAL = [each["stored"] for each in json.loads((HERE / "recorded-applied.json").read_text())]
REAL += [
    row["object"]
    for table in json.loads((HERE / "recorded-tables.json").read_text()).values()
    for row in table["rows"]
]


@pytest.mark.parametrize("item", REAL, ids=lambda item: item["kind"])
def test_no_field_of_a_real_object_is_unknown(item):
    assert fields.check(item) == (item, [])


def test_every_type_that_a_field_names_is_in_the_table():
    simple = {"any", "string", "int32", "int64", "bool", "IntOrString"}
    named = {
        kind.removeprefix("[]").removeprefix("{}") for known in FIELDS.values() for kind in known.values()
    }
    assert named - simple <= set(FIELDS)


def service(**spec) -> dict:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec}


@pytest.mark.parametrize(
    ("item", "unknown"),
    [
        (service(topologyKeys=["*"]), ["spec.topologyKeys"]),
        (service(ports=[{"port": 80}, {"port": 81, "targetport": 8080}]), ["spec.ports[1].targetport"]),
        ({"kind": "Service", "metadata": {"label": {}}, "spce": {}}, ["metadata.label", "spce"]),
        ({"kind": "HTTPRoute", "anything": 1}, []),
    ],
)
def test_unknown_fields_are_told_by_path_and_left_out(item, unknown):
    found = fields.check(item)
    assert found.unknown == unknown
    assert fields.check(found.item).unknown == []


@pytest.mark.parametrize(
    ("item", "got", "field", "wanted"),
    [
        (service(ports=[{"port": "80"}]), "string", "ServicePort.spec.ports.port", "int32"),
        (service(ports=[{"port": True}]), "bool", "ServicePort.spec.ports.port", "int32"),
        (service(ports={"port": 80}), "object", "ServiceSpec.spec.ports", "[]ServicePort"),
        (service(selector={"app": 1}), "number", "ServiceSpec.spec.selector", "string"),
        (service(clusterIP=["a"]), "array", "ServiceSpec.spec.clusterIP", "string"),
        ({"kind": "Service", "spec": []}, "array", "Service.spec", "v1.ServiceSpec"),
    ],
)
def test_a_value_of_another_type_is_refused(item, got, field, wanted):
    with pytest.raises(fields.WrongType) as caught:
        fields.check(item)
    assert str(caught.value) == f"json: cannot unmarshal {got} into Go struct field {field} of type {wanted}"
