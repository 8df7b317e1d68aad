"""Raw bytes of lists and watches → messages for the machine. Total: any bytes make some message."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec

from kinspect.model.decoding import NOT_JSON, Malformed, decode
from kinspect.model.kinds import Kind
from kinspect.model.meta import Key, Object
from kinspect.sources.messages import Bookmark, Delete, Failed, Odd, Page, Put, WatchEvent

LONGEST_MESSAGE = 500
HEAD = 8192
"""Bytes in which a list's metadata ends, where it comes first. A `continue` is some hundred bytes long."""

T = TypeVar("T")


class _ListMeta(msgspec.Struct, frozen=True, rename="camel", gc=False):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")
    remaining_item_count: int | None = None


class _List(msgspec.Struct, Generic[T]):
    items: tuple[T, ...] | None = ()
    metadata: _ListMeta = _ListMeta()


class _Line(msgspec.Struct, Generic[T], gc=False):
    type: str
    object: T


class _StatusDetails(msgspec.Struct, rename="camel"):
    retry_after_seconds: float | None = None


class Status(msgspec.Struct, rename="camel"):
    """metav1.Status, as far as it matters."""

    kind: str = ""
    message: str = ""
    reason: str = ""
    code: int = 0
    details: _StatusDetails | None = None


class _Versioned(msgspec.Struct, rename="camel"):
    metadata: _ListMeta | None = None


def page(kind: Kind, data: bytes, took_s: float) -> Page | Failed:
    """The page in a list answer. One object that is not what it should be costs only itself."""
    try:
        whole = _list_decoder(kind).decode(data)
        return _page(whole.metadata, whole.items or (), (), took_s)
    except msgspec.ValidationError:
        pass
    except NOT_JSON as error:
        return Failed(None, f"the answer is not JSON: {error}")
    try:
        loose = msgspec.json.decode(data, type=_List[msgspec.Raw])
    except NOT_JSON as error:
        return Failed(None, f"the answer is not a list: {error}")
    return _page(loose.metadata, *_objects(kind, loose.items or ()), took_s)


def continue_token(data: bytes) -> str:
    """The `continue` of a list answer that has its metadata before its items; "" = none, or not known yet."""
    items = data.find(b'"items"', 0, HEAD)
    if items < 0:
        return ""
    try:
        return msgspec.json.decode(data[:items] + b'"items":[]}', type=_List[msgspec.Raw]).metadata.continue_
    except NOT_JSON:
        return ""


def part(kind: Kind, items: Iterable[bytes]) -> Page:
    """These items of a list answer, more of which is on its way."""
    return Page(*_objects(kind, items), partial=True)


def last_part(kind: Kind, items: list[bytes], envelope: bytes, took_s: float) -> Page | Failed:
    """The last items of a list answer, and the answer without its items."""
    empty = page(kind, envelope, took_s)
    if isinstance(empty, Failed) or not items:
        return empty
    objects, malformed = _objects(kind, items)
    return empty._replace(objects=objects, malformed=malformed)


def event(kind: Kind, line: bytes) -> WatchEvent:
    """The event in one line of a watch."""
    try:
        whole = _line_decoder(kind).decode(line)
        if whole.type in ("ADDED", "MODIFIED"):
            return Put(whole.object)
        if whole.type == "DELETED":
            return Delete(whole.object)
        if whole.type == "BOOKMARK":
            return Bookmark(whole.object.metadata.resource_version)
    except msgspec.ValidationError:
        pass
    except NOT_JSON as error:
        return Failed(None, f"the watch sent something that is not JSON: {error}")
    return _odd_event(kind, line)


def failure(status: int, body: bytes, retry_after: str | None) -> Failed:
    """What an HTTP answer other than 200 says. Some are a Status object, some plain text."""
    told = _status(body)
    message = (
        told.message[:LONGEST_MESSAGE] or body[:200].decode(errors="replace").strip() or f"HTTP {status}"
    )
    return Failed(status, message, _seconds(retry_after) or _retry_after(told))


def _odd_event(kind: Kind, line: bytes) -> WatchEvent:
    try:
        loose = msgspec.json.decode(line, type=_Line[msgspec.Raw])
    except NOT_JSON as error:
        return Failed(None, f"the watch sent something that is not an event: {error}")
    if loose.type == "ERROR":
        told = _status(bytes(loose.object))
        return Failed(told.code or 500, told.message or "the watch reported an error", _retry_after(told))
    resource_version = _resource_version(loose.object)
    if loose.type == "BOOKMARK":
        return Bookmark(resource_version)
    found = decode(kind, loose.object)
    deleted = loose.type == "DELETED"
    if isinstance(found, Malformed):
        return Odd(found, resource_version, deleted)
    if deleted:
        return Delete(found)
    if loose.type in ("ADDED", "MODIFIED"):
        return Put(found)
    return Odd(Malformed(Key("", ""), f"unknown event type {loose.type!r}"), resource_version)


def _objects(
    kind: Kind, items: Iterable[bytes | msgspec.Raw]
) -> tuple[tuple[Object, ...], tuple[Malformed, ...]]:
    """What decodes and what does not, item by item."""
    found = [decode(kind, raw) for raw in items]
    objects = tuple(each for each in found if not isinstance(each, Malformed))
    return objects, tuple(each for each in found if isinstance(each, Malformed))


def _page(
    meta: _ListMeta, objects: tuple[Object, ...], malformed: tuple[Malformed, ...], took_s: float
) -> Page:
    return Page(objects, malformed, meta.resource_version, meta.continue_, meta.remaining_item_count, took_s)


def _status(body: bytes) -> Status:
    try:
        return msgspec.json.decode(body, type=Status)
    except NOT_JSON:
        return Status()


def _retry_after(told: Status) -> float | None:
    return told.details.retry_after_seconds if told.details else None


def _seconds(header: str | None) -> float | None:
    """Retry-After in seconds. The API server never sends its other form, a date."""
    return float(header) if header and header.isdecimal() else None


def _resource_version(raw: msgspec.Raw) -> str:
    try:
        found = msgspec.json.decode(raw, type=_Versioned)
    except NOT_JSON:
        return ""
    return found.metadata.resource_version if found.metadata else ""


@cache
def _list_decoder(kind: Kind) -> msgspec.json.Decoder[_List[Object]]:
    of_kind: Any = _List[kind.type]  # type: ignore[name-defined]
    return msgspec.json.Decoder(of_kind)


@cache
def _line_decoder(kind: Kind) -> msgspec.json.Decoder[_Line[Object]]:
    of_kind: Any = _Line[kind.type]  # type: ignore[name-defined]
    return msgspec.json.Decoder(of_kind)
