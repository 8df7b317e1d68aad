"""kill -9 in the middle of a trace, of the program or of its agents: nothing stays in any namespace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kinspect.errors import EXIT_VANTAGE_LOST

pytestmark = pytest.mark.lab

TRACE = ["node/node1:30080", "--from", "client", "-n", "shop", "--repeat", "200"]
ENDED = {"06", "07", "0A"}
"""TIME_WAIT, CLOSE and LISTEN in /proc/net/tcp: what the kernel and the echo server have by themselves."""


def children(pid: int) -> list[int]:
    told = [read(path) for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for each in told for child in each.split()]


def below(pid: int) -> Iterator[int]:
    for child in children(pid):
        yield child
        yield from below(child)


def read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def agents(program: int) -> list[int]:
    return [pid for pid in children(program) if "vantage/agent.py" in read(Path(f"/proc/{pid}/cmdline"))]


def captures(program: int) -> bool:
    return any("socket:[" in read(Path(f"/proc/{pid}/maps")) for pid in agents(program))


def runs_a_tool(program: int) -> bool:
    return any(children(agent) for agent in agents(program))


def has_entered(program: int) -> bool:
    return any("--user-namespace" in read(Path(f"/proc/{pid}/cmdline")) for pid in agents(program))


MOMENTS: dict[str, Callable[[int], bool]] = {
    "its agent begins": lambda program: bool(agents(program)),
    "another enters a user namespace": has_entered,
    "a tool runs in a namespace": runs_a_tool,
    "captures run": captures,
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("victim", ["program", "agents"])
def test_nothing_stays_behind(ground: Any, tmp_path: Path, moment: str, victim: str) -> None:
    before = state(ground)
    cluster = tmp_path / "cluster.yaml"
    cluster.write_text(ground.manifests)
    pipe = subprocess.PIPE
    argv = [sys.executable, "-m", "kinspect", "trace", "-f", str(cluster), *TRACE]
    with subprocess.Popen(argv, stdout=pipe, stderr=pipe, text=True) as program:
        try:
            until(lambda: MOMENTS[moment](program.pid) or program.poll() is not None, f"{moment}: never")
            assert program.poll() is None, program.communicate()
            started = list(below(program.pid))
            for pid in [program.pid] if victim == "program" else agents(program.pid):
                os.kill(pid, signal.SIGKILL)
            _, words = program.communicate(timeout=15)
        finally:
            program.kill()
    if victim == "agents":
        assert program.returncode == EXIT_VANTAGE_LOST, words
        assert "Traceback" not in words
    until(lambda: not [pid for pid in started if read(Path(f"/proc/{pid}/cmdline"))], f"left: {started}")
    until(lambda: state(ground) == before, f"{state(ground)} was {before}")


def state(ground: Any) -> dict[str, tuple[object, ...]]:
    """Of each namespace: who is in it, its capturing and its connected sockets, addresses and rules."""
    return {
        name: (
            inhabitants(ground.net(name).inode),
            ground.run(name, "cat", "/proc/net/packet"),
            connections(ground.run(name, "cat", "/proc/net/tcp")),
            ground.run(name, "ip", "-4", "-o", "addr"),
            ground.run(name, "nft", "list", "ruleset"),
        )
        for name in ("client", "node", "pod")
    }


def inhabitants(inode: int) -> list[str]:
    found = set()
    for space in Path("/proc").glob("[0-9]*/task/*/ns/net"):
        try:
            if space.stat().st_ino == inode:
                found.add(space.parts[2])
        except OSError:  # gone
            pass
    return sorted(found)


def connections(table: str) -> list[str]:
    return [line for line in table.splitlines()[1:] if line.split()[3] not in ENDED]


def until(holds: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.002)
