"""Checks an object against the fields that its kind has: unknown ones, and values of another type.

A real server finds both while it decodes. Unknown fields it refuses (Strict), or drops with a warning (Warn)
or without (Ignore), as the client asks; kubectl asks for Strict. A value of another type it always refuses.
Source: KEP-2885; the messages are those of Go's encoding/json and of sigs.k8s.io/json.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from kinspect.lab.field_names import FIELDS
from kinspect.lab.status import Json

_SCALARS = {"string": (str,), "int32": (int,), "int64": (int,), "bool": (bool,), "IntOrString": (int, str)}
_GO_NAMES = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}
_EVERYWHERE = ("kind", "apiVersion")


class WrongType(Exception):
    """A value is of another type than its field; the text is what a Go server says."""


class Found(NamedTuple):
    """The object without unknown fields, and the paths of these."""

    item: Json
    unknown: list[str]


def check(item: Json) -> Found:
    """Looks through an object; of a kind that is not in the table only its metadata. Raises WrongType."""
    kind = item.get("kind", "")
    unknown: list[str] = []
    if kind not in FIELDS:
        meta = _value(item.get("metadata") or {}, "ObjectMeta", kind, "metadata", unknown)
        return Found(item | {"metadata": meta}, unknown)
    head = {key: value for key, value in item.items() if key in _EVERYWHERE}
    rest = {key: value for key, value in item.items() if key not in _EVERYWHERE}
    return Found(head | _object(rest, kind, "", unknown), unknown)


def _object(given: Json, name: str, path: str, unknown: list[str]) -> Json:
    known = FIELDS[name]
    kept = {}
    for key, value in given.items():
        here = f"{path}.{key}" if path else key
        if key not in known:
            unknown.append(here)
        else:
            kept[key] = value if value is None else _value(value, known[key], name, here, unknown)
    return kept


def _value(value: Any, kind: str, owner: str, path: str, unknown: list[str]) -> Any:
    if kind == "any":
        return value
    if kind.startswith("[]"):
        _require(isinstance(value, list), value, owner, path, kind)
        return [
            _value(each, kind[2:], owner, f"{path}[{index}]", unknown)
            for index, each in enumerate(value)
            if each is not None
        ]
    if kind.startswith("{}"):
        _require(isinstance(value, dict), value, owner, path, "map[string]string")
        for each in value.values():
            _require(each is None or isinstance(each, str), each, owner, path, kind[2:])
        return value
    if kind in _SCALARS:
        fits = isinstance(value, _SCALARS[kind]) and (kind == "bool" or not isinstance(value, bool))
        if fits and isinstance(value, int) and kind != "int64":
            fits = -(2**31) <= value < 2**31
        _require(fits, value, owner, path, "int32" if kind == "IntOrString" else kind)
        return value
    _require(isinstance(value, dict), value, owner, path, f"v1.{kind}")
    return _object(value, kind, path, unknown)


def _require(fits: bool, value: Any, owner: str, path: str, kind: str) -> None:
    if not fits:
        field = ".".join(_without_indices(path))
        go = f"[]{kind[2:]}" if kind.startswith("[]") else kind
        told = f"json: cannot unmarshal {_GO_NAMES[type(value)]} into Go struct field {owner}.{field}"
        raise WrongType(f"{told} of type {go}")


def _without_indices(path: str) -> Iterator[str]:
    return (part.partition("[")[0] for part in path.split("."))
