"""A cluster whose runner is killed leaves no process; its files and control groups are removed by `down`."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conformance import layout

pytestmark = pytest.mark.conformance

ENDS_S = 20.0


def processes_of(cache: Path) -> set[int]:
    """What was started by a run with this cache: it inherits the runner's environment."""
    marked = set()
    for entry in Path("/proc").iterdir():
        try:
            if (
                entry.name.isdigit()
                and f"XDG_CACHE_HOME={cache}\0".encode() in (entry / "environ").read_bytes()
            ):
                marked.add(int(entry.name))
        except OSError:
            continue  # it has ended meanwhile
    return marked


def until_none(cache: Path) -> set[int]:
    deadline = time.monotonic() + ENDS_S
    while (left := processes_of(cache)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


@pytest.mark.parametrize("within_s", [2.0, 6.0, 15.0])
def test_killed_at_a_random_moment_nothing_is_left(tmp_path: Path, within_s: float) -> None:
    own = tmp_path / layout.CACHE.name
    own.mkdir()
    (own / "bin").symlink_to(layout.CACHE / "bin")
    environment = os.environ | {
        "XDG_CACHE_HOME": str(tmp_path),
        "GOCACHE": subprocess.check_output(["go", "env", "GOCACHE"], text=True).strip(),
        "PYTHONPATH": str(layout.HERE.parents[1]),
    }
    command = [sys.executable, "-m", "tests.conformance"]
    moment_s = random.uniform(0.0, within_s)
    with subprocess.Popen(
        [*command, "up"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as runner:
        time.sleep(moment_s)
        runner.send_signal(signal.SIGKILL)
    assert not until_none(tmp_path), f"killed after {moment_s} s"
    subprocess.run([*command, "down"], env=environment, check=True, timeout=60)
    assert not (own / "state").exists()
    told = subprocess.run(
        [sys.executable, "-c", "from tests.conformance import cgroups; print(cgroups.left())"],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout == "[]\n"
