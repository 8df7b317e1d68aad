"""Bytes of a file, within limits, unpacked where they are gzip. What they mean is the affair of others."""

from __future__ import annotations

import gzip
import io
import zlib
from pathlib import Path
from typing import IO

from kinspect.errors import Unreadable

MAX_BYTES = 1024 * 1024 * 1024
"""Of one file, unpacked. 85,000 full objects as `kubectl get -o json` writes them are 0.6 GB."""


def read_file(path: Path) -> bytes:
    """The file's bytes, unpacked. A pipe (`<(kubectl get …)`) is a file too. Raises: Unreadable."""
    try:
        with path.open("rb") as file:
            return read_stream(file, str(path))
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror or error}") from error


def read_stream(file: IO[bytes], name: str) -> bytes:
    """All bytes of an open file, unpacked if they begin as gzip does. Raises: Unreadable."""
    data = file.read(MAX_BYTES + 1)
    if data[:2] == b"\x1f\x8b":
        data = _unpacked(data, name)
    if len(data) > MAX_BYTES:
        raise Unreadable(f"{name}: larger than the {MAX_BYTES >> 20} MiB that are read")
    return data


def _unpacked(data: bytes, name: str) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            return packed.read(MAX_BYTES + 1)
    except EOFError as error:
        raise Unreadable(f"{name}: the gzip data is cut off", "Copy or write it again.") from error
    except (OSError, zlib.error) as error:
        raise Unreadable(f"{name}: broken gzip data: {error}") from error
