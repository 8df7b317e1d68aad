"""Bodies in protobuf: `kubectl create deployment` and its like send nothing else. Answers are JSON.

A body is the four bytes `k8s\\0` and a runtime.Unknown, which names the kind and holds the object. What a
message has in which field is in `protobuf_fields`; a field that is not there makes the body unreadable, since
to drop it would store another object than the one that was sent. Go writes absent strings, numbers and times
as empty ones; these are left out again.

Source: protobuf's encoding guide; apimachinery's runtime/serializer/protobuf; generated.proto of k8s.io/api.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from kinspect.lab.api.protobuf_fields import MESSAGES, Field
from kinspect.lab.status import Json

_MAGIC = b"k8s\x00"
_VARINT, _BYTES = 0, 2


class Undecodable(ValueError):
    """The bytes are no protobuf, or of a kind or with a field that is not known here."""


def decode(body: bytes) -> Json:
    """The object of a Kubernetes protobuf body. Raises Undecodable."""
    if not body.startswith(_MAGIC):
        raise Undecodable("the body does not begin with k8s and a zero")
    try:
        envelope = dict(_fields(body[len(_MAGIC) :]))
        about = dict(_fields(_bytes(envelope[1])))
        version, kind = _bytes(about[1]).decode(), _bytes(about[2]).decode()
        return {"kind": kind, "apiVersion": version, **_message(_bytes(envelope.get(2, b"")), kind)}
    except (KeyError, IndexError, UnicodeDecodeError, OverflowError, OSError) as error:
        raise Undecodable(f"not readable: {error}") from None


def _message(data: bytes, name: str) -> Json:
    known = MESSAGES.get(name)
    if known is None:
        raise Undecodable(f"no {name} is read from protobuf")
    result: Json = {}
    for number, raw in _fields(data):
        field = known.get(number)
        if field is None:
            raise Undecodable(f"field {number} of {name} is not read from protobuf")
        if field.many == "list":
            if field.type != "string" or raw:
                result.setdefault(field.name, []).append(_value(raw, field))
        elif field.many == "map":
            entry = dict(_fields(_bytes(raw)))
            key = _bytes(entry.get(1, b"")).decode()
            result.setdefault(field.name, {})[key] = _value(entry.get(2, b""), field)
        elif field.many == "inline":
            result |= _message(_bytes(raw), field.type)
        else:
            value = _value(raw, field)
            if value not in (None, "") and (field.keeps_zero or value not in (0, False)):
                result[field.name] = value
    return result


def _value(raw: int | bytes, field: Field) -> Any:
    match field.type:
        case "string":
            return _bytes(raw).decode()
        case "bytes":
            return b64encode(_bytes(raw)).decode()
        case "int":
            return _number(raw)
        case "bool":
            return bool(_number(raw))
        case "IntOrString":
            parts = dict(_fields(_bytes(raw)))
            return _bytes(parts[3]).decode() if parts.get(1) else _number(parts.get(2, 0))
        case "Time":
            seconds = _number(dict(_fields(_bytes(raw))).get(1, 0))
            return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else None
    return _message(_bytes(raw), field.type)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message: number, and a number or bytes."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, position = _varint(data, position)
            yield number, value
        elif wire == _BYTES:
            length, position = _varint(data, position)
            if position + length > len(data):
                raise Undecodable("the body ends in the middle of a field")
            yield number, data[position : position + length]
            position += length
        else:
            raise Undecodable(f"wire type {wire} does not occur in Kubernetes")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position += 1
        shift += 7
        if not byte & 0x80:
            return value, position
        if shift > 63:
            raise Undecodable("a number is too long")


def _bytes(raw: int | bytes) -> bytes:
    if isinstance(raw, int):
        raise Undecodable("a number where bytes must be")
    return raw


def _number(raw: int | bytes) -> int:
    """A signed number: negative ones are written as 64-bit two's complement."""
    if isinstance(raw, bytes):
        raise Undecodable("bytes where a number must be")
    return raw - (1 << 64) if raw >= 1 << 63 else raw
