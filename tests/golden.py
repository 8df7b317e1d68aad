"""Golden bytes: what is written must equal a file in the repository. `KINSPECT_GOLDEN=write` rewrites it."""

from __future__ import annotations

import os
from pathlib import Path


def check_golden(path: Path, seen: str | bytes) -> None:
    """Fails, with a diff that can be read, unless the file holds exactly this."""
    data = seen.encode() if isinstance(seen, str) else seen
    if os.environ.get("KINSPECT_GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    assert path.exists(), f"{path} is missing: run with KINSPECT_GOLDEN=write and read the diff"
    assert data.decode() == path.read_bytes().decode()
