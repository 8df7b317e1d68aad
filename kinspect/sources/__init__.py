"""Where objects come in: a live cluster, manifests, a saved file. All of them make the same Snapshot.

`watcher` is the list/watch machine, pure; `kube` is its transport. A source never decides what a thing means.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Protocol

from kinspect.model.change import Change
from kinspect.model.meta import Fact, Ref
from kinspect.model.snapshot import Snapshot


class Event(Fact, frozen=True):
    """One core/v1 Event about an object; `last_seen` is RFC 3339, "" when not told."""

    type: str
    reason: str
    message: str
    last_seen: str
    count: int
    source: str


class Detail(Fact, frozen=True):
    """One object in full: its YAML and its events. `partial` = only the kept fields, `note` says why."""

    yaml: str
    events: tuple[Event, ...]
    partial: bool
    note: str


class Source(Protocol):
    """A live place that objects come from. `title` is for the person, `namespace` is the context's own.

    `kinds` are those that are read: of the others nothing is ever said.
    """

    title: str
    live: bool
    namespace: str
    kinds: tuple[str, ...]

    def changes(self) -> AsyncIterator[tuple[Change, ...]]:
        """What is read, in batches, until closed. Raises a KinspectError when nothing can be read at all."""
        ...

    async def detail(self, ref: Ref) -> Detail:
        """The object in full. Bad news (gone, forbidden) is in `note`."""
        ...

    async def aclose(self) -> None: ...


def open_file(paths: Sequence[str], stdin: bytes | None = None) -> Snapshot:
    """What these paths hold, not judged: one snapshot file, or any number of manifests, folders and `-`.

    `stdin` holds the bytes of `-`; None = read them from standard input.

    Raises: Unreadable.
    """
    from kinspect.model import codec
    from kinspect.sources.files import read_file, read_stream
    from kinspect.sources.manifests import STDIN, Text, read_manifests, snapshot_of_texts

    if STDIN in paths and stdin is None:
        stdin = read_stream(sys.stdin.buffer, "standard input")
    if len(paths) != 1 or os.path.isdir(paths[0]):  # noqa: PTH112 - False, where pathlib raises for long names
        return read_manifests(paths, stdin)
    name = paths[0]
    data, shown = (stdin or b"", "standard input") if name == STDIN else (read_file(Path(name)), name)
    if codec.is_snapshot(data):
        return codec.decode(data, shown)
    return snapshot_of_texts([Text(shown, data)], shown)
