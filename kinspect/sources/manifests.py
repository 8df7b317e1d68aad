"""Manifests → a snapshot: files, directories and standard input; JSON or YAML; single objects and Lists.

Files say only what they say. A kind that no file contains is *not given* (unknown), never empty; a List that
names the kind, even an empty `ServiceList`, makes it given. Kinds that kinspect does not read are counted in
the notes. Hand-written objects without a namespace lie in "default", as kubectl would put them.
"""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from kinspect.errors import Unreadable
from kinspect.model.coverage import Coverage
from kinspect.model.decoding import NOT_JSON, Malformed, from_plain
from kinspect.model.kinds import KINDS, Kind
from kinspect.model.meta import Object
from kinspect.model.snapshot import Snapshot, snapshot_of
from kinspect.sources.files import read_file, read_stream

STDIN = "-"
SUFFIXES = (".yaml", ".yml", ".json", ".yaml.gz", ".yml.gz", ".json.gz")
DEFAULT_NAMESPACE = "default"


class Text(NamedTuple):
    """The bytes of one file; `name` is for messages."""

    name: str
    data: bytes


def read_manifests(paths: Iterable[str], stdin: bytes | None = None) -> Snapshot:
    """The snapshot that these files, directories and `-` (then `stdin` holds its bytes) describe, not judged.

    Raises: Unreadable, naming file, line and object; also for nothing at all: no bytes are no proof.
    """
    names, notes = list(paths), _Notes()
    texts = [text for path in names for text in _texts(path, stdin, notes)]
    return snapshot_of_texts(texts, ", ".join(names), notes)


def snapshot_of_texts(texts: Iterable[Text], source: str, notes: _Notes | None = None) -> Snapshot:
    """The same for texts that are already in memory."""
    noted = notes or _Notes()
    objects: list[tuple[str, Object]] = []
    given: set[str] = set()
    found_any = False
    for text in texts:
        try:
            for document in _documents(text):
                found_any = found_any or document is not None
                for name, value in _objects(document, text.name, given, noted):
                    given.add(name)
                    objects.append((name, value))
        except RecursionError as error:
            raise Unreadable(f"{text.name}: Lists in Lists, nested too deep") from error
    if not found_any:
        raise Unreadable(f"{source}: there is no object in it", "Did the command that was to write it fail?")
    coverage = {kind: Coverage("given") for kind in KINDS if kind in given}
    return snapshot_of(objects, coverage, datetime.now(UTC), source, noted.lines())


class _Notes:
    """What was in the files and is not in the snapshot."""

    def __init__(self) -> None:
        self.unread: Counter[str] = Counter()
        self.skipped: list[str] = []

    def lines(self) -> tuple[str, ...]:
        counted = [f"not read: {count} × {what}" for what, count in sorted(self.unread.items())]
        return tuple(counted + self.skipped)


def _texts(path: str, stdin: bytes | None, notes: _Notes) -> Iterator[Text]:
    if path == STDIN:
        if stdin is None:
            raise Unreadable("standard input was named as a file (-) but is not there")
        yield Text("standard input", read_stream(io.BytesIO(stdin), "standard input"))
    elif os.path.isdir(path):  # noqa: PTH112 - False, where pathlib raises for a name that is too long
        for file in _files_below(Path(path), notes):
            yield Text(str(file), read_file(file))
    else:
        yield Text(path, read_file(Path(path)))


def _files_below(root: Path, notes: _Notes) -> Iterator[Path]:
    """The manifests below a directory, sorted. Nothing outside of it is reached, by symbolic link or else."""
    inside = root.resolve()
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(folder, name)
            if not name.endswith(SUFFIXES) or name.startswith("."):
                continue
            try:
                outside = not file.resolve(strict=True).is_relative_to(inside)
            except (OSError, RuntimeError):  # a link to nothing, or (3.11, 3.12: RuntimeError) to itself
                notes.skipped.append(f"not read: {file} leads nowhere")
                continue
            if outside:
                notes.skipped.append(f"not read: {file} leads out of {root}")
            elif file.is_file():
                yield file


def _documents(text: Text) -> Iterator[Any]:
    """The documents of a text: JSON where it is JSON (500 times faster), else YAML."""
    if text.data.lstrip()[:1] in (b"{", b"["):
        try:
            yield msgspec.json.decode(text.data)
            return
        except NOT_JSON:
            pass  # flow-style YAML, several documents in a row, broken, too deep: YAML's door knows the line
    from kinspect.model import yaml  # its import takes longer than to read most JSON

    yield from yaml.documents(text.data, text.name)


def _objects(document: Any, where: str, given: set[str], notes: _Notes) -> Iterator[tuple[str, Object]]:
    """(kind, fact) of everything in a document that kinspect reads; adds to `given` what a List names."""
    if document is None:
        return
    if isinstance(document, dict) and str(document.get("schema")).startswith("kinspect/snapshot/"):
        raise Unreadable(f"{where}: a snapshot is opened by itself, not among other files")
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        notes.unread[f"document without a kind ({where})"] += 1
        return
    name, version = document["kind"], str(document.get("apiVersion") or "")
    items = document.get("items")
    if name.endswith("List") and (isinstance(items, list) or (items is None and name != "List")):
        item_kind = name.removesuffix("List")
        if _kind(version, item_kind) is not None:
            given.add(item_kind)
        for item in items or ():
            # Items of a typed List leave out what the List already says (as API servers write them).
            named = {"kind": item_kind, "apiVersion": version, **item} if isinstance(item, dict) else item
            yield from _objects(named, where, given, notes)
        return
    kind = _kind(version, name)
    if kind is None:
        notes.unread[f"{name} ({version or 'no apiVersion'})"] += 1
        return
    yield name, _object(kind, document, where)


def _kind(version: str, name: str) -> Kind | None:
    """The kind, if kinspect reads it in this group and version: a Knative `Service` is not a Service."""
    kind = KINDS.get(name)
    return kind if kind is not None and version in kind.versions else None


def _object(kind: Kind, document: dict[str, Any], where: str) -> Object:
    found = from_plain(kind, document)
    if isinstance(found, Malformed):
        named = "/".join(part for part in found.key if part) or "without a name"
        raise Unreadable(f"{where}: {kind.name} {named}: {found.problem}", "kubectl explain tells the field.")
    if not found.name:
        raise Unreadable(f"{where}: a {kind.name} has no metadata.name")
    return _placed(kind, found)


def _placed(kind: Kind, found: Object) -> Object:
    namespace = (found.namespace or DEFAULT_NAMESPACE) if kind.namespaced else ""
    if namespace == found.namespace:
        return found
    return msgspec.structs.replace(
        found, metadata=msgspec.structs.replace(found.metadata, namespace=namespace)
    )
