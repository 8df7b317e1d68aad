"""Reading a large cluster from a server that costs nothing, beside the official client and kubectl.

kinspect reads it several times, the others once: they need minutes.
"""

from __future__ import annotations

import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from tests.bench.objects import FULL
from tests.bench.report import Row, Section, above, below

TIMES = 3
RATE, SECONDS = 3_000, 5
KINDS = ("services", "endpointslices", "nodes", "pods")


class Server:
    """The server's process, and its directory with the kubeconfig."""

    def __init__(self, process: subprocess.Popen[str], directory: str) -> None:
        self.process = process
        self.kubeconfig = f"{directory}/kubeconfig"
        self.directory = directory

    def says(self, word: str) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        assert line.startswith(word), line
        return line

    def told(self, line: str) -> None:
        assert self.process.stdin is not None
        print(line, file=self.process.stdin, flush=True)


@contextmanager
def serving(scale: int = 1) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "tests.bench.server", directory, str(scale)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        server = Server(process, directory)
        try:
            server.says("ready")
            yield server
        finally:
            process.kill()
            process.wait()


def kinspect(server: Server, events: bool) -> dict[str, dict[str, Any]]:
    """One reading: what was reached → its figures. With `events` a burst follows."""
    started = time.monotonic()
    command = [sys.executable, "-m", "tests.bench.reader", "kinspect", server.kubeconfig, str(started)]
    found: dict[str, dict[str, Any]] = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        for line in reader.stdout:
            said = json.loads(line)
            found[said["what"]] = said
            if said["what"] == "judged":
                if events:
                    server.told(f"go {RATE} {SECONDS}")
                    server.says("begun")
                    found["sent"] = {"version": int(server.says("sent").split()[1])}
                    time.sleep(0.5)
                print("end", file=reader.stdin, flush=True)
    return found


class Cost(NamedTuple):
    seconds: float
    cpu_s: float

    def __add__(self, other: Cost) -> Cost:  # type: ignore[override]
        return Cost(self.seconds + other.seconds, self.cpu_s + other.cpu_s)


def official(server: Server, who: str = "official") -> Cost:
    """What the official client needs for all of it; `who` "bytes" = to receive it."""
    started = str(time.monotonic())
    command = [sys.executable, "-m", "tests.bench.reader", who, server.kubeconfig, started]
    lines = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    return next(
        Cost(said["after_s"], said["cpu_s"]) for said in map(json.loads, lines) if said["what"] == "read"
    )


def kubectl(server: Server) -> Cost | None:
    """The same for `kubectl get KIND -A`, one after the other; None without kubectl."""
    if shutil.which("kubectl") is None:
        return None
    base = ["kubectl", "--kubeconfig", server.kubeconfig, "--cache-dir", f"{server.directory}/cache"]
    _cost([*base, "get", "namespaces"])  # fills its cache
    whole = Cost(0, 0)
    for kind in KINDS:
        whole += _cost([*base, "get", kind, "-A"])
    return whole


def _cost(command: list[str]) -> Cost:
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.monotonic() - began, cpu_s)


def run() -> Section:
    with serving() as server:
        # By turns, so that whatever else the machine does meets all of them.
        runs = [kinspect(server, events=False)]
        theirs = official(server)
        received = official(server, "bytes")
        runs.append(kinspect(server, events=False))
        kubectls = kubectl(server)
        runs.append(kinspect(server, events=True))
    last = runs[-1]

    def median(what: str, figure: str) -> float:
        return statistics.median(each[what][figure] for each in runs)

    ours = Cost(median("read", "after_s"), median("read", "cpu_s"))
    followed, sent = last["followed"], last["sent"]["version"]
    peak_mb = max(each["judged"]["peak_mb"] for each in runs)
    rows = [
        below("services and slices browsable, from process start", median("browsable", "after_s"), "s", 2),
        Row("everything read, from process start", _told(ours)),
        Row("everything judged", f"{median('judged', 'after_s'):.3g} s"),
        *_ratio("the official client's objects", theirs, ours, 50),
        *(_ratio("`kubectl get -A`", kubectls, ours, 15) if kubectls else ()),
        Row("only receiving it, by the official client", _told(received)),
        Row("kinspect / that", f"{ours.seconds / received.seconds:.3g} ×"),
        below("memory after loading and judging", median("judged", "rss_mb"), "MB", 250),
        below("memory at the peak", peak_mb, "MB", 400),
        below(f"{RATE:,} events/s, judged: 95 % of timers late by", followed["p95_late_ms"], "ms", 60),
        Row("the same: share of one core", f"{followed['cpu_share']:.0%}"),
        Row("the same: all arrived", f"{followed['newest']} of {sent}", "", sent - followed["newest"] < 3),
    ]
    return Section("reading", "Reading 85,000 objects", tuple(rows), NOTES)


def _told(cost: Cost) -> str:
    return f"{cost.seconds:.3g} s ({cost.cpu_s:.3g} s of CPU)"


def _ratio(who: str, theirs: Cost, ours: Cost, target: float) -> tuple[Row, Row]:
    return (
        above(f"{who}: {_told(theirs)}; / kinspect", theirs.seconds / ours.seconds, "×", target),
        Row("the same in CPU time", f"{theirs.cpu_s / ours.cpu_s:.3g} ×"),
    )


NOTES = (
    f"{FULL.services:,} Services, {FULL.slices:,} EndpointSlices, {FULL.nodes:,} Nodes, {FULL.pods:,} Pods.",
    "560 MB of JSON in pages of 500, over HTTPS with a client certificate; all imports are included.",
    f"kinspect: median of {TIMES} readings of all of it.",
    "The official client and kubectl: one reading; kubectl gets tables.",
    "Receiving is the floor: its 560 MB are decrypted, joined and thrown away, imports included.",
    "The server shares the cores with the reader, and so do other programs: CPU time counts only the reader.",
)
