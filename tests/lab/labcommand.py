"""A lab as a user has it: the command `kinspect lab` in a process of its own, asked from outside."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from kinspect.errors import EXIT_NOT_PERMITTED

THIS_USER = (sys.executable, "-m", "kinspect")
BOOT_S = 60.0
GONE_S = 10.0


class LabCommand:
    """A running `kinspect lab up`."""

    def __init__(
        self, process: subprocess.Popen[str], boot_s: float, kubeconfig: str, kinspect: Sequence[str]
    ) -> None:
        self.process = process
        self.kinspect = kinspect
        self.boot_s = boot_s
        self.kubeconfig = kubeconfig

    @property
    def number(self) -> int:
        return self.process.pid

    def lab(self, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs `kinspect lab VERB` on this lab."""
        return command("lab", verb, "--lab", str(self.number), *words, kinspect=self.kinspect)

    def exec(self, place: str, *argv: str) -> subprocess.CompletedProcess[str]:
        return self.lab("exec", place, "--", *argv)

    def fetch(self, place: str, url: str, *flags: str) -> dict[str, Any] | None:
        """What the echo server behind a URL answers, seen from a place; None = nothing answered."""
        told = self.exec(place, "curl", "-s", "-k", "-m", "2", *flags, url)
        return json.loads(told.stdout) if told.returncode == 0 and told.stdout else None

    def get(self, kind: str, namespace: str = "shop") -> dict[str, dict[str, Any]]:
        """The objects of a kind of the core group by name, over HTTPS as any client reads them."""
        config = yaml.safe_load(Path(self.kubeconfig).read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        trusted = base64.b64decode(cluster["certificate-authority-data"]).decode()
        path = "namespaces" if kind == "namespaces" else f"namespaces/{namespace}/{kind}"
        asked = urllib.request.Request(
            f"{cluster['server']}/api/v1/{path}", headers={"Authorization": f"Bearer {user['token']}"}
        )
        context = ssl.create_default_context(cadata=trusted)
        with urllib.request.urlopen(asked, timeout=30, context=context) as answer:
            return {item["metadata"]["name"]: item for item in json.load(answer)["items"]}

    def processes(self) -> set[int]:
        """Every process of the lab: the supervisor and all that descends from it."""
        return descendants(self.number)

    def end(self, sent: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(sent)
        return self.process.wait(GONE_S)


def command(*words: str, kinspect: Sequence[str] = THIS_USER) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*kinspect, *words], capture_output=True, text=True, timeout=60, check=False)


def unprivileged() -> tuple[str, ...] | None:
    """The command as a user without any right, where we are root and that user can read the program."""
    if os.geteuid() != 0:
        return None
    path = os.pathsep.join(entry for entry in sys.path if entry)
    drop = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all")
    for python in (sys.executable, "/usr/bin/python3"):
        argv = (
            *drop,
            "env",
            "-C",
            "/",
            "HOME=/",
            f"PYTHONPATH={path}",
            "PATH=/usr/bin:/bin",
            python,
            "-B",
            "-m",
            "kinspect",
        )
        try:
            if command("lab", "faults", kinspect=argv).returncode == 0:
                return argv
        except OSError:
            continue
    return None


@contextmanager
def up(
    *flags: str, manifests: Sequence[Path] = (), kinspect: Sequence[str] = THIS_USER
) -> Iterator[LabCommand]:
    """A lab for as long as the context lasts. Skips, and says why, where this machine allows none."""
    files = [word for path in manifests for word in ("-f", str(path))]
    started = time.monotonic()
    process = subprocess.Popen(
        [*kinspect, "lab", "up", *flags, *files], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout and process.stderr
    with process.stdout, process.stderr:
        line = process.stdout.readline().strip()
        if not line:
            code, words = process.wait(BOOT_S), process.stderr.read()
            if code == EXIT_NOT_PERMITTED:
                pytest.skip(words)
            raise AssertionError(f"the lab did not boot ({code}): {words}")
        boot_s = time.monotonic() - started
        lab = LabCommand(process, boot_s, line.removeprefix("export KUBECONFIG="), kinspect)
        try:
            yield lab
        finally:
            if process.poll() is None:
                lab.end()


def alive(process: int) -> bool:
    """Whether a process runs. One that is dead and not yet waited for by its new parent does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def descendants(ancestor: int) -> set[int]:
    found = {ancestor}
    waiting = [ancestor]
    while waiting:
        children = _children(waiting.pop())
        waiting += children - found
        found |= children
    return found


def _children(process: int) -> set[int]:
    try:
        tasks = list(Path(f"/proc/{process}/task").iterdir())
        return {int(word) for task in tasks for word in (task / "children").read_text().split()}
    except OSError:
        return set()  # it has ended meanwhile


def wait_until_none_lives(processes: set[int], seconds: float = GONE_S) -> set[int]:
    """Waits until none of them runs, and returns those that still do after that time."""
    deadline = time.monotonic() + seconds
    while (left := {process for process in processes if alive(process)}) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


@contextmanager
def held(processes: set[int]) -> Iterator[None]:
    """Keeps their network namespaces, whose numbers the kernel would else give to those of a next lab."""
    with contextlib.ExitStack() as stack:
        for process in processes:
            with contextlib.suppress(OSError):  # it has ended meanwhile
                namespace = os.open(f"/proc/{process}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
                stack.callback(os.close, namespace)
        yield
