"""A document as bytes: JSON indented for people, JSON on one line for `-w`, or YAML.

All of them may be looked at in a terminal: what it would obey is written as an escape of the format, which
means the same to a machine.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from kinspect.export import Document
from kinspect.outline.visible import visible

_NOT_ASCII = re.compile(r"[^\x00-\x7e]")  # so, and not by what it is: a range of a million compiles for 5 ms


def json_bytes(document: Document) -> bytes:
    return unobeyed(msgspec.json.format(msgspec.json.encode(document), indent=2)) + b"\n"


def json_line(document: Document) -> bytes:
    return unobeyed(msgspec.json.encode(document)) + b"\n"


def yaml_bytes(document: Document) -> bytes:
    from kinspect.model.yaml import dump  # a third of the time of a small check, for who wants no YAML

    value = msgspec.to_builtins(document)
    text = dump(value)
    harmless = all(visible(line) == line for line in text.split("\n"))
    return (text if harmless else dump(value, allow_unicode=False)).encode()


def unobeyed(data: bytes) -> bytes:
    """The same JSON, in which nothing is obeyed: the encoder itself escapes only what is below a blank."""
    if data.isascii() and b"\x7f" not in data:
        return data
    return _NOT_ASCII.sub(_escaped, data.decode()).encode()


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    return character if visible(character) == character else json.dumps(character)[1:-1]


def schema_of(document: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON Schema of a document, made from its Structs. Every key is always written: all are required."""
    schema = msgspec.json.schema(document)
    for definition in schema["$defs"].values():
        if "properties" in definition:
            definition["required"] = list(definition["properties"])
    return schema
