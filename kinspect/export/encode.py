"""A document as bytes: JSON indented for people, JSON on one line for `-w`, or YAML."""

from __future__ import annotations

from typing import Any

import msgspec

from kinspect.export import Document
from kinspect.model.yaml import dump


def json_bytes(document: Document) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def json_line(document: Document) -> bytes:
    return msgspec.json.encode(document) + b"\n"


def yaml_bytes(document: Document) -> bytes:
    return dump(msgspec.to_builtins(document)).encode()


def schema_of(document: type[msgspec.Struct]) -> dict[str, Any]:
    """The JSON Schema of a document, made from its Structs. Every key is required: none is ever left out."""
    schema = msgspec.json.schema(document)
    for definition in schema["$defs"].values():
        if "properties" in definition:
            definition["required"] = list(definition["properties"])
    return schema
