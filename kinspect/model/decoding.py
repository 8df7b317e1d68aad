"""API bytes and plain values → facts, one kind at a time.

A value is decoded typed; where that fails, nulls are dropped (the API server itself reads `labels: null` as
no labels) and it is tried once more. What still fails is a Malformed: named, never guessed at.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from kinspect.model.kinds import Kind
from kinspect.model.meta import Key, Object

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not the JSON asked for: broken, not UTF-8, or nested too deep."""


class Malformed(NamedTuple):
    """An object that is not what its kind promises; `problem` names the field."""

    key: Key
    problem: str


def decode(kind: Kind, raw: bytes | msgspec.Raw) -> Object | Malformed:
    """One object from its JSON. Total: whatever is not such an object is Malformed."""
    try:
        return _decoder(kind).decode(raw)
    except msgspec.ValidationError:
        pass
    except NOT_JSON as error:
        return Malformed(Key("", ""), str(error))
    try:
        return from_plain(kind, msgspec.json.decode(raw))
    except NOT_JSON as error:  # behind the place where the typed decoder gave up
        return Malformed(Key("", ""), str(error))


def from_plain(kind: Kind, value: Any) -> Object | Malformed:
    """One object from dictionaries and lists."""
    try:
        return msgspec.convert(without_nulls(value), kind.type)
    except msgspec.ValidationError as error:
        return Malformed(_key_of(value), str(error))
    except RecursionError:
        return Malformed(_key_of(value), "nested too deep")


def without_nulls(value: Any) -> Any:
    """The value with every null member of a mapping left out, and every key as the string that JSON has."""
    if isinstance(value, dict):
        return {
            key if isinstance(key, str) else _json_key(key): without_nulls(member)
            for key, member in value.items()
            if member is not None
        }
    if isinstance(value, list):
        return [without_nulls(each) for each in value]
    return value


def _json_key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _key_of(value: Any) -> Key:
    metadata = value.get("metadata") if isinstance(value, dict) else None
    named = metadata if isinstance(metadata, dict) else {}
    return Key(str(named.get("namespace") or ""), str(named.get("name") or ""))


_decoders: dict[str, msgspec.json.Decoder[Object]] = {}


def _decoder(kind: Kind) -> msgspec.json.Decoder[Object]:
    found = _decoders.get(kind.name)
    if found is None:
        found = _decoders[kind.name] = msgspec.json.Decoder(kind.type)
    return found
