"""Snapshot files: `.json` or `.json.gz`, written whole or not at all."""

from __future__ import annotations

import gzip
import os
import tempfile
from pathlib import Path

from kinspect import __version__
from kinspect.errors import Unreadable
from kinspect.model import codec
from kinspect.model.snapshot import Snapshot
from kinspect.sources.files import read_file

DROPPED = codec.DROPPED
"""What a file never holds, in words."""


def load(path: str | Path) -> Snapshot:
    """The snapshot in the file, not judged. Raises: Unreadable, with what to do."""
    return codec.decode(read_file(Path(path)), str(path))


def save(snapshot: Snapshot, path: str | Path) -> None:
    """Writes the file beside its place and moves it there: an old file stays until the new one is whole.

    Raises: Unreadable when the place cannot be written.
    """
    path = Path(path)
    data = codec.encode(snapshot, f"kinspect {__version__}")
    if path.suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    try:
        _replace(path, data)
    except OSError as error:
        raise Unreadable(f"{path}: not written: {error.strerror or error}") from error


def _replace(path: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(0o666 & ~_umask())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
