"""Manifests as the objects that the lab's Store takes: files, folders, `-` for standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from kinspect.errors import Unreadable
from kinspect.model.yaml import documents

Json = dict[str, Any]

_SUFFIXES = (".yaml", ".yml", ".json")


def read(paths: Sequence[str]) -> list[Json]:
    """All objects of these files, in their order; the files of a folder by name. Raises Unreadable."""
    return [item for path in paths for name, data in _files(path) for item in _objects(name, data)]


def _files(path: str) -> Iterator[tuple[str, bytes]]:
    if path == "-":
        yield "standard input", sys.stdin.buffer.read()
        return
    given = Path(path)
    found: Iterable[Path] = [given]
    if given.is_dir():
        found = sorted(file for file in given.iterdir() if file.suffix in _SUFFIXES)
    for file in found:
        try:
            yield str(file), file.read_bytes()
        except OSError as error:
            raise Unreadable(f"{file}: {error.strerror}") from error


def _objects(name: str, data: bytes) -> Iterator[Json]:
    for document in documents(data, name):
        if document is None:
            continue
        if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
            raise Unreadable(
                f"{name}: a document is no API object", "each needs apiVersion, kind and metadata"
            )
        if document["kind"].endswith("List") and "items" in document:
            yield from document["items"] or ()
        else:
            yield document
