"""Manifests in: from a folder or a file to objects, and into the Store in an order that works."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from kinspect.errors import Unreadable, UsageError
from kinspect.lab.status import Json, Rejection
from kinspect.lab.store import Store
from kinspect.model import yaml

_FIRST = (
    "Namespace",
    "Node",
    "ServiceCIDR",
    "IngressClass",
    "ServiceAccount",
    "ConfigMap",
    "Secret",
    "Service",
)
"""Others need these: a pod its namespace, an Ingress its class, variables of a pod the Services before it."""


def read(path: Path) -> list[Json]:
    """The objects of a file, or of all files of a folder, Lists taken apart. Raises Unreadable."""
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in (".yaml", ".yml", ".json"))
        return [item for file in files for item in read(file)]
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from error
    return [item for document in yaml.documents(data, path.name) for item in _objects(document, path)]


def ordered(items: Iterable[Json]) -> list[Json]:
    """The objects with those first that others need, otherwise in their order."""

    def place(item: Json) -> int:
        return _FIRST.index(item["kind"]) if item["kind"] in _FIRST else len(_FIRST)

    return sorted(items, key=place)


def apply(store: Store, items: Iterable[Json]) -> None:
    """Creates the objects. Raises UsageError for the first one that the API refuses."""
    for item in ordered(items):
        try:
            store.create(item)
        except Rejection as rejection:
            name = item.get("metadata", {}).get("name", "")
            raise UsageError(f"{item['kind']} {name}: {rejection}", "mend the manifest") from rejection


def _objects(document: object, path: Path) -> Iterator[Json]:
    if document is None:
        return
    if not isinstance(document, dict) or "kind" not in document:
        raise Unreadable(f"{path.name}: not a Kubernetes object", "every document needs apiVersion and kind")
    if str(document["kind"]).endswith("List") and "items" in document:
        for item in document["items"] or ():
            yield from _objects(item, path)
    else:
        yield document
