"""The kubectl of this machine, where it has one that is new enough for what the tests ask of it."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess

import pytest

OLDEST = (1, 27)
"""Older ones ask for OpenAPI v2 before they write, which the lab's API server does not have."""


@functools.cache
def missing() -> str | None:
    """Why there is no kubectl to test with; None = there is one."""
    program = shutil.which("kubectl")
    if program is None:
        return "kubectl is not on PATH"
    told = subprocess.run(
        [program, "version", "--client", "-o", "json"], capture_output=True, check=True, timeout=60
    )
    version = json.loads(told.stdout)["clientVersion"]
    if (int(version["major"]), int(version["minor"].rstrip("+"))) < OLDEST:
        return f"kubectl {version['gitVersion']} is older than {OLDEST[0]}.{OLDEST[1]}"
    return None


def required() -> None:
    """Skips a test that cannot do without kubectl; fails it where nothing may be skipped."""
    if why := missing():
        if os.environ.get("KINSPECT_LAB") == "require":
            pytest.fail(why)
        pytest.skip(why)
