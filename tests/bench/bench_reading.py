"""Reading a large cluster from a server that costs nothing, beside the official client and kubectl.

kinspect reads all of it, several times; the others a tenth of it, once, and their time is multiplied.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.bench.objects import FULL
from tests.bench.report import Row, Section, above, below

TIMES = 3
PART = 10
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
def serving(scale: int) -> Iterator[Server]:
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


def official(server: Server) -> float:
    """Seconds that the official client would need for all of it: what it needs for a part, times the rest."""
    command = [
        sys.executable,
        "-m",
        "tests.bench.reader",
        "official",
        server.kubeconfig,
        str(time.monotonic()),
    ]
    lines = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    at = {said["what"]: said["after_s"] for said in map(json.loads, lines)}
    return float(at["imported"] + (at["read"] - at["imported"]) * PART)


def kubectl(server: Server) -> float | None:
    """The same for `kubectl get KIND -A`, one after the other; None without kubectl."""
    if shutil.which("kubectl") is None:
        return None
    base = ["kubectl", "--kubeconfig", server.kubeconfig, "--cache-dir", f"{server.directory}/cache"]
    subprocess.run([*base, "get", "namespaces"], stdout=subprocess.DEVNULL, check=True)  # fills its cache
    idle = _seconds([*base, "get", "namespace", "absent", "--ignore-not-found"])
    return sum(idle + (_seconds([*base, "get", kind, "-A"]) - idle) * PART for kind in KINDS)


def _seconds(command: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - began


def run() -> Section:
    with serving(1) as server:
        runs = [kinspect(server, events=each == TIMES - 1) for each in range(TIMES)]
    with serving(PART) as server:
        official_s, kubectl_s = official(server), kubectl(server)
    last = runs[-1]

    def median(what: str, figure: str) -> float:
        return statistics.median(each[what][figure] for each in runs)

    read_s, cpu_s = median("read", "after_s"), median("read", "cpu_s")
    followed, sent = last["followed"], last["sent"]["version"]
    peak_mb = max(each["judged"]["peak_mb"] for each in runs)
    rows = [
        below("services and slices browsable, from process start", median("browsable", "after_s"), "s", 2),
        Row("everything read, from process start", f"{read_s:.3g} s ({cpu_s:.3g} s of CPU)"),
        Row("everything judged", f"{median('judged', 'after_s'):.3g} s"),
        above(f"official client's objects ({official_s:.0f} s) / kinspect", official_s / read_s, "×", 50),
        below("memory after loading and judging", median("judged", "rss_mb"), "MB", 250),
        below("memory at the peak", peak_mb, "MB", 400),
        below(f"{RATE:,} events/s, judged: 95 % of timers late by", followed["p95_late_ms"], "ms", 60),
        Row("the same: share of one core", f"{followed['cpu_share']:.0%}"),
        Row("the same: all arrived", f"{followed['newest']} of {sent}", "", sent - followed["newest"] < 3),
    ]
    if kubectl_s is not None:
        rows.insert(4, above(f"`kubectl get -A` ({kubectl_s:.0f} s) / kinspect", kubectl_s / read_s, "×", 15))
    return Section("reading", "Reading 85,000 objects", tuple(rows), NOTES)


NOTES = (
    f"{FULL.services:,} Services, {FULL.slices:,} EndpointSlices, {FULL.nodes:,} Nodes, {FULL.pods:,} Pods.",
    "560 MB of JSON in pages of 500, over HTTPS with a client certificate; all imports are included.",
    f"kinspect: median of {TIMES} readings of all of it.",
    f"The official client and kubectl: one reading of a tenth, times {PART}; kubectl gets tables.",
    "The server shares the cores with the reader.",
)
