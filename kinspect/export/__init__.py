"""Faces without a screen: a Snapshot becomes text, JSON or YAML. They never ask for anything.

JSON documents are Structs (`tree`, `findings`), so that the published JSON Schema is made from what is
written. Every key is always present, null = none, lists are never null, everything is sorted; fields are
added, never changed.
"""

from __future__ import annotations

import msgspec


class Document(msgspec.Struct, frozen=True, rename="camel"):
    """The root of all that is written as JSON: no default is ever left out."""
