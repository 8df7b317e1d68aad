"""Where the system's network programs are found: also where an ordinary user's PATH does not look."""

from __future__ import annotations

import os
import shutil

_SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def search_path() -> str:
    """PATH with the folders of system programs behind it."""
    return os.pathsep.join((os.environ.get("PATH", os.defpath), *_SYSTEM))


def find(program: str) -> str | None:
    """The program's path; None = it is not installed."""
    return shutil.which(program, path=search_path())
