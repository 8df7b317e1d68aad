"""Tables: the columns that `kubectl get` prints, made by the server as a real one makes them.

One tuple of columns for each kind, in the files beside this one.
Source: pkg/printers/internalversion/printers.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from kinspect.lab.api.tables import cluster, network, workloads
from kinspect.lab.api.tables.column import AGE, NAME, Column
from kinspect.lab.status import Json

_API_VERSION = "meta.k8s.io/v1"
_COLUMNS: Mapping[str, tuple[Column, ...]] = {**network.COLUMNS, **workloads.COLUMNS, **cluster.COLUMNS}
_OTHERS = (NAME, AGE)


def table(
    kind: str, items: Iterable[Json], meta: Json, now: datetime, include: str, *, header: bool = True
) -> Json:
    """A Table of the objects; `include` is the query's includeObject: None, Metadata or Object.

    Without `header` the column definitions are null, as in all but the first event of a watch. A bookmark has
    a row too, of an object with nothing in it: columns take any field to be missing.
    """
    columns = _COLUMNS.get(kind, _OTHERS)
    return {
        "kind": "Table",
        "apiVersion": _API_VERSION,
        "metadata": meta,
        "columnDefinitions": [column.definition() for column in columns] if header else None,
        "rows": [_row(columns, item, now, include) for item in items],
    }


def _row(columns: tuple[Column, ...], item: Json, now: datetime, include: str) -> Json:
    shown: Any = None
    if include == "Object":
        shown = item
    elif include != "None":
        head = {"kind": "PartialObjectMetadata", "apiVersion": _API_VERSION}
        shown = head | {"metadata": item["metadata"]}
    return {"cells": [column.cell(item, now) for column in columns], "object": shown}
