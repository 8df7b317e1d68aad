"""A user without rights: what is missing is said, what works without it does; --sudo raises the agent only.

The user, its sudoers and its folders are real, in a mount namespace of the test's own; so is sudo.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kinspect.errors import EXIT_NOT_PERMITTED, EXIT_OK, EXIT_VANTAGE_LOST
from tests.vantage.stranger import UID, Stranger, missing

pytestmark = [pytest.mark.lab, pytest.mark.skipif(bool(missing()), reason=missing() or "nothing is missing")]

ALLOWED = "stranger ALL=(root) NOPASSWD: ALL\n"


@pytest.fixture
def files(ground: Any) -> Iterator[Path]:
    """A folder that anybody may pass, unlike pytest's own, with the cluster in a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        path.chmod(0o755)
        (path / "cluster.yaml").write_text(ground.manifests)
        yield path


def trace(files: Path, *more: str, vantage: str = "client", target: str = "node/node1:30080") -> list[str]:
    return ["trace", "-f", str(files / "cluster.yaml"), target, "--from", vantage, "-n", "shop", *more]


def test_without_rights_it_says_which_and_what_works_without(files: Path) -> None:
    code, out, err = Stranger(files).run(*trace(files))
    assert (code, out) == (EXIT_NOT_PERMITTED, "")
    assert "client cannot be traced from" in err
    assert "processes may not be looked into (CAP_SYS_PTRACE)" in err
    assert all(word in err for word in ("--sudo", "--expect-only", "--from here"))
    code, out, err = Stranger(files).run(*trace(files, "--expect-only"))
    assert (code, err) == (EXIT_OK, "")
    assert out.startswith("predicted: client to node/node1:30080: delivered")


def test_without_rights_a_connection_from_here_is_made_and_not_seen(files: Path) -> None:
    code, out, err = Stranger(files).run(*trace(files, "-o", "json", vantage="here", target="127.0.0.1:9"))
    told = json.loads(out)
    assert (told["verdict"], err) == ("refused", "")
    assert told["unseen"][0]["reason"] == "capturing needs CAP_NET_RAW"
    assert told["notes"][0].startswith("the connection ended with ECONNREFUSED; the connection is not marked")
    assert "marking a connection needs CAP_NET_ADMIN" in told["notes"][0]
    code, out, err = Stranger(files).run(
        *trace(files, "--method", "marked-syn", vantage="here", target="127.0.0.1:9")
    )
    assert code == EXIT_NOT_PERMITTED
    assert "sending a packet of our own needs CAP_NET_RAW" in err


def test_with_sudo_the_agent_is_raised_and_all_is_seen(files: Path) -> None:
    code, out, err = Stranger(files, ALLOWED).run(*trace(files, "--sudo", "-o", "json"))
    told = json.loads(out)
    assert (code, err) == (EXIT_OK, "")
    assert (told["verdict"], told["divergence"], told["unseen"]) == ("delivered", None, [])
    assert told["backend"]["pod"] == "shop/web-0"
    assert told["paths"][0]["hops"][0]["place"]["name"] == "client"


RIGHTS = ("CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "AF_PACKET")


def abilities(out: str) -> dict[str, tuple[str, str]]:
    """Of each thing that the doctor looked at, its state and what to do."""
    return {each["name"]: (each["state"], each["fix"] or "") for each in json.loads(out)["machine"]}


def test_the_doctor_tells_a_user_what_is_missing_and_what_gives_it(files: Path) -> None:
    """Whether sudo would is not tried: a refusal is written to a log that somebody reads."""
    code, out, _ = Stranger(files).run("doctor", "-o", "json")
    told = abilities(out)
    assert code == EXIT_OK
    assert {told[name] for name in RIGHTS} == {("no", "Raise the agent with --sudo.")}
    assert told["sudo"][0] == "unknown"
    assert (told["ip"][0], told["tc"][0], told["nsenter"][0]) == ("yes", "yes", "yes")


def test_where_nobody_can_be_raised_the_doctor_does_not_name_sudo(files: Path) -> None:
    code, out, _ = Stranger(files, ALLOWED, raisable=False).run("doctor", "-o", "json")
    told = abilities(out)
    assert code == EXIT_OK
    assert {told[name] for name in (*RIGHTS, "sudo")} == {("no", "Run the whole command as root.")}


def test_the_doctor_tells_root_that_it_has_all_of_it_unless_it_is_confined() -> None:
    doctor = [sys.executable, "-m", "kinspect", "doctor", "-o", "json"]
    told = abilities(subprocess.run(doctor, capture_output=True, text=True, check=True).stdout)
    assert {told[name] for name in (*RIGHTS, "sudo")} == {("yes", "")}
    confined = ["unshare", "--user", "--map-root-user", *doctor]
    told = abilities(subprocess.run(confined, capture_output=True, text=True, check=True).stdout)
    assert {told[name][0] for name in RIGHTS} == {"unknown", "no"}  # a packet socket of this network: no
    assert told["sudo"][0] == "no"
    assert all("outside of this user namespace" in told[name][1] for name in (*RIGHTS, "sudo"))


REFUSALS = {
    "a password is wanted": ("stranger ALL=(root) ALL\n", "a password is required"),
    "nothing is allowed": ("", "a password is required"),
    "another command is allowed": (
        "Defaults:stranger !authenticate\nstranger ALL=(root) /bin/true\n",
        "is not allowed to execute",
    ),
    "sudoers cannot be read": ("stranger ALL=(root) NOPASSWD ALL\n", "a password is required"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_sudo_refuses_is_said_in_its_words(name: str, files: Path) -> None:
    rule, words = REFUSALS[name]
    code, out, err = Stranger(files, rule).run(*trace(files, "--sudo"))
    assert (code, out) == (EXIT_NOT_PERMITTED, "")
    assert err.startswith("kinspect: sudo does not run the agent: ")
    assert words in err
    assert "sudo -v" in err


@pytest.mark.parametrize("terminal", [True, False], ids=["on a terminal", "without one"])
@pytest.mark.parametrize("victim", ["kinspect", "sudo", "agent"])
def test_nothing_stays_behind_after_kill_9(files: Path, terminal: bool, victim: str) -> None:
    """On a terminal sudo gives its command another one (use_pty), and puts a process in between."""
    master, slave = os.openpty()
    stranger = Stranger(files, f"Defaults use_pty\n{ALLOWED}")
    running = stranger.start(*trace(files, "--sudo", "--repeat", "200"), terminal=slave if terminal else None)
    try:
        sudos, agents = _raised(running.pid)
        assert _uid(running.pid) == UID
        assert {_uid(pid) for pid in sudos + agents} == {0}
        for pid in {"kinspect": [running.pid], "sudo": sudos, "agent": agents}[victim]:
            os.kill(pid, signal.SIGKILL)
        _, err = running.communicate(timeout=10)
        if victim != "kinspect":
            assert (running.returncode, err[:43]) == (
                EXIT_VANTAGE_LOST,
                "kinspect: The agent ended before it answered"[:43],
            )
        _gone(sudos + agents)
    finally:
        running.kill()
        running.communicate()
        os.close(master)
        os.close(slave)


def _raised(program: int) -> tuple[list[int], list[int]]:
    """The sudos of a program that has begun to capture, and their agents."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        below = list(_below(program))
        agents = [pid for pid in below if b"sudo" not in _told(pid, "cmdline")[:4]]
        if any(b"socket:[" in _told(pid, "maps") for pid in agents):  # the ring of a capture
            return [pid for pid in below if pid not in agents], agents
        time.sleep(0.005)
    raise AssertionError("it never began to capture")


def _below(pid: int) -> Iterator[int]:
    """The processes below one, itself left out."""
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, _told(pid, str(children.relative_to(f"/proc/{pid}"))).split()):
            yield child
            yield from _below(child)


def _told(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _uid(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def _gone(pids: list[int]) -> None:
    """Returns when none of them is left but as a name that its parent has not read yet."""
    deadline = time.monotonic() + 5
    while left := [pid for pid in pids if _told(pid, "cmdline")]:
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.01)
