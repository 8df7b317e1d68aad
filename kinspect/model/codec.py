"""A snapshot as JSON bytes, and back. The file is facts, coverage and time; judgments are made anew.

A file holds what the facts hold and nothing else: fields that no rule and no view names were never read, so
they cannot leak. `dropped` says so in words. Judgments are not stored: a file opened by a better kinspect
gets better answers. The format is `kinspect/snapshot/v1`; fields may be added to it, kinds too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from kinspect.errors import Unreadable
from kinspect.model.coverage import Coverage
from kinspect.model.decoding import NOT_JSON
from kinspect.model.kinds import KINDS
from kinspect.model.meta import Object
from kinspect.model.snapshot import Snapshot, snapshot_of

SCHEMA = "kinspect/snapshot/v1"
_ANY_VERSION = "kinspect/snapshot/"

DROPPED = (
    "Secrets and ConfigMaps: never read; a Secret appears only by the name that another object gives",
    "containers: environment, commands, arguments, volumes",
    "annotations: all but those that decide about traffic",
    "metadata.managedFields, and every field that no rule and no view reads",
)


class _File(msgspec.Struct, frozen=True, rename="camel"):
    schema: str
    written_by: str
    taken_at: datetime
    source: str
    dropped: tuple[str, ...]
    notes: tuple[str, ...]
    coverage: dict[str, Coverage]
    objects: dict[str, tuple[Object, ...]]


class _Claim(msgspec.Struct):
    schema: str = ""


class _Read(msgspec.Struct, frozen=True, rename="camel"):
    schema: str = ""
    taken_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    source: str = ""
    notes: tuple[str, ...] = ()
    coverage: dict[str, Coverage] = {}
    objects: dict[str, msgspec.Raw] = {}


def encode(snapshot: Snapshot, written_by: str) -> bytes:
    """The snapshot as one JSON text: the same bytes for equal snapshots."""
    return msgspec.json.format(
        msgspec.json.encode(
            _File(
                SCHEMA,
                written_by,
                snapshot.taken_at,
                snapshot.source,
                DROPPED,
                snapshot.notes,
                {kind: snapshot.coverage[kind] for kind in KINDS if kind in snapshot.coverage},
                {
                    kind: tuple(each for _, each in sorted(snapshot.of(kind).items()))
                    for kind in KINDS
                    if snapshot.of(kind)
                },
            )
        ),
        indent=1,
    )


def is_snapshot(data: bytes) -> bool:
    """Whether these bytes claim to be a snapshot of any version, whole or not, its keys in any order."""
    if re.match(rb'\s*\{\s*"schema"\s*:\s*"kinspect/snapshot/', data[:200]):
        return True
    if not data.lstrip().startswith(b"{") or b'"kinspect/snapshot/' not in data:
        return False
    try:
        return msgspec.json.decode(data, type=_Claim).schema.startswith(_ANY_VERSION)
    except NOT_JSON:
        return False


def decode(data: bytes, name: str) -> Snapshot:
    """The snapshot in these bytes, not judged. `name` is the file's, for messages. Raises: Unreadable."""
    try:
        read = msgspec.json.decode(data, type=_Read)
    except NOT_JSON as error:
        raise _broken(name, data, str(error)) from error
    if read.schema != SCHEMA:
        raise _wrong_schema(name, read.schema)
    try:
        return snapshot_of(_objects(read), read.coverage, read.taken_at, read.source or name, read.notes)
    except NOT_JSON as error:
        raise _broken(name, data, str(error)) from error


def _objects(read: _Read) -> Iterator[tuple[str, Object]]:
    for kind in KINDS.values():
        if kind.name in read.objects:
            for each in msgspec.json.decode(read.objects[kind.name], type=tuple[kind.type, ...]):  # type: ignore[name-defined]
                yield kind.name, each


def _broken(name: str, data: bytes, problem: str) -> Unreadable:
    if not data.rstrip().endswith(b"}"):
        return Unreadable(
            f"{name}: the snapshot is cut off after {len(data)} bytes", "Copy or write it again."
        )
    return Unreadable(
        f"{name}: not a readable snapshot: {problem}", "Write it again with: kinspect snapshot -o FILE"
    )


def _wrong_schema(name: str, schema: str) -> Unreadable:
    version = re.fullmatch(r"kinspect/snapshot/v(\d+)", schema)
    if version and int(version[1]) > 1:
        return Unreadable(
            f"{name}: written by a newer kinspect ({schema}; this one reads {SCHEMA})", "Update kinspect."
        )
    return Unreadable(f"{name}: not a kinspect snapshot: its schema is {schema!r}, not {SCHEMA!r}")
