"""Runs a command of the user's in a place of the lab: in its network, files, name and environment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from kinspect.errors import UsageError, VantageLost

_KEPT = ("TERM", "COLORTERM", "LANG", "LC_ALL", "NO_COLOR")
"""What a command needs of the caller's environment to talk to the caller's terminal."""


def become(holder: int, command: Sequence[str]) -> NoReturn:
    """This process becomes the command. It lies in the lab's pid namespace too, so it cannot outlive the lab.

    Raises UsageError, VantageLost.
    """
    try:
        raw = Path(f"/proc/{holder}/environ").read_bytes()
        other_user_namespace = not os.path.samefile("/proc/self/ns/user", f"/proc/{holder}/ns/user")  # noqa: PTH121
    except OSError as error:
        raise VantageLost(f"the place is gone: {error.strerror}") from error
    theirs = dict(entry.split("=", 1) for entry in raw.decode("utf-8", "replace").split("\0") if "=" in entry)
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    user = ["--user", "--preserve-credentials"] if other_user_namespace else []
    entering = ["nsenter", f"--target={holder}", *user, "--net", "--mount", "--uts", "--pid", "--wd=/", "--"]
    try:
        os.execvpe("nsenter", [*entering, *command], {**kept, **theirs})
    except OSError as error:
        raise UsageError(f"nsenter: {error.strerror}", "install util-linux") from error
