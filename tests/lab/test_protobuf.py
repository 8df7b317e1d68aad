"""Protobuf bodies: what real kubectl sends is tested in test_kubectl; here the encoding and its refusals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinspect.lab.api import protobuf
from kinspect.lab.api.protobuf import Undecodable, decode


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def body(version: str, kind: str, message: bytes) -> bytes:
    about = field(1, field(1, version) + field(2, kind))
    return b"k8s\x00" + about + field(2, message) + field(3, "") + field(4, "")


def test_a_config_map():
    meta = (
        field(1, "a")
        + field(2, "")
        + field(3, "shop")
        + field(8, b"")
        + field(11, field(1, "k") + field(2, "v"))
    )
    message = (
        field(1, meta) + field(2, field(1, "x") + field(2, "1")) + field(3, field(1, "b") + field(2, b"\xff"))
    )
    assert decode(body("v1", "ConfigMap", message)) == {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": "a", "namespace": "shop", "labels": {"k": "v"}},
        "data": {"x": "1"},
        "binaryData": {"b": "/w=="},
    }


def test_a_zero_that_is_meant_stays_and_an_absent_one_goes():
    message = field(2, field(1, 0) + field(5, 0))
    assert decode(body("apps/v1", "Deployment", message))["spec"] == {"replicas": 0}


def test_a_target_port_is_a_number_or_a_name():
    number = field(1, 0) + field(2, 8080) + field(3, "")
    name = field(1, 1) + field(2, 0) + field(3, "http")
    ports = field(1, field(3, 80) + field(4, number)) + field(1, field(3, 81) + field(4, name))
    found = decode(body("v1", "Service", field(2, ports)))["spec"]["ports"]
    assert found == [{"port": 80, "targetPort": 8080}, {"port": 81, "targetPort": "http"}]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"{}", "does not begin with k8s"),
        (body("v1", "Pod", field(1, "")), "no Pod is read"),
        (body("v1", "ConfigMap", field(99, "x")), "field 99 of ConfigMap"),
        (body("v1", "ConfigMap", field(1, field(1, "abc"))[:-1]), "ends in the middle"),
        (b"k8s\x00", "not readable"),
    ],
)
def test_what_cannot_be_read_is_refused(data, told):
    with pytest.raises(Undecodable, match=told):
        decode(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    for start in (data, b"k8s\x00" + data, body("v1", "Service", data)):
        try:
            protobuf.decode(start)
        except Undecodable:
            continue
