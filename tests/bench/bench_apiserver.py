"""Reading the large cluster from a real kube-apiserver, beside kubectl. Server and reader share the machine.

`python -m tests.bench.bench_apiserver SCALE` measures, as process 1 of the namespaces that `run` makes, and
prints what it found as JSON. The programs are built before, outside, where there is a network.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from kinspect.lab.isolation import die_with_parent
from tests.bench.apiserver import Programs, Server, say, started
from tests.bench.bench_reading import KINDS, kinspect
from tests.bench.objects import FULL
from tests.bench.report import Row, Section, below
from tests.conformance.programs import KUBERNETES

TIMES = 3
LONGEST_S = 1_500
TITLE = "Reading 85,000 objects from a real API server"
OWN = ["unshare", "-U", "-r", "-n", "-m", "-p", "--fork", "--mount-proc", "--kill-child", "--"]


def run(scale: int = 1) -> Section:
    if shutil.which("go") is None:
        return Section("apiserver", TITLE, (), ("Not measured: it needs Go, to build the programs.",))
    Programs()
    command = [*OWN, sys.executable, "-m", "tests.bench.bench_apiserver", str(scale)]
    measured = subprocess.run(
        command, stdout=subprocess.PIPE, check=True, timeout=LONGEST_S, preexec_fn=die_with_parent
    )
    return section(json.loads(measured.stdout), scale)


def measure(scale: int) -> dict[str, Any]:
    server = started(FULL.scaled(scale))

    def ours() -> dict[str, Any]:
        return _beside(server, lambda: kinspect(server, events=False))

    # By turns, so that whatever else the machine does meets all of them.
    readings = [ours()]
    say(f"kinspect has read, after {readings[0]['read']['after_s']} s")
    theirs = _beside(server, lambda: _kubectl(server))
    say(f"kubectl has read, in {theirs['after_s']:.3f} s")
    readings += [ours() for _ in range(TIMES - 1)]
    return {"readings": readings, "kubectl": theirs, "told": _told(server), "etcd": _etcd_version()}


def _beside(server: Server, action: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What it answers, and the CPU time that the API server and etcd used meanwhile."""
    before = server.cpu_s()
    found = action()
    return {**found, "servers_cpu_s": [now - then for now, then in zip(server.cpu_s(), before, strict=True)]}


def _kubectl(server: Server) -> dict[str, float]:
    """`kubectl get KIND -A`, one after the other."""
    _run([*server.kubectl, "get", "namespaces"])  # fills its cache
    began = time.monotonic()
    each = [_run([*server.kubectl, "get", kind, "-A"]) for kind in KINDS]
    return {
        "after_s": time.monotonic() - began,
        "cpu_s": sum(used.ru_utime + used.ru_stime for used in each),
        "peak_mb": max(used.ru_maxrss for used in each) * 1024 / 1e6,
    }


def _run(command: list[str]) -> resource.struct_rusage:
    """What the command has used. Raises CalledProcessError when it fails."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return used


def _told(server: Server) -> list[tuple[float, str, int, int]]:
    command = [sys.executable, "-m", "tests.bench.progress", server.kubeconfig, str(time.monotonic())]
    found: list[tuple[float, str, int, int]] = json.loads(subprocess.check_output(command))
    return found


def _etcd_version() -> str:
    return subprocess.check_output([Programs().etcd, "--version"], text=True).split()[2]


def section(found: dict[str, Any], scale: int) -> Section:
    readings, theirs = found["readings"], found["kubectl"]

    def median(what: str, figure: str) -> float:
        return statistics.median(each[what][figure] for each in readings)

    ours_s, kubectl_s = median("read", "after_s"), theirs["after_s"]
    servers = [statistics.median(each["servers_cpu_s"][which] for each in readings) for which in (0, 1)]
    pods = [each for each in found["told"] if each[1] == "Pod"]
    totals = {expected for _, _, _, expected in pods}
    told = f"{len(pods)}, of {' or '.join(f'{each:,}' for each in totals) or 'nothing'}"
    rows = (
        below("services and slices browsable, from process start", median("browsable", "after_s"), "s", 3),
        below("everything read, from process start", ours_s, "s", 15),
        Row("the same in CPU time", _cpu(median("read", "cpu_s"), *servers)),
        Row("everything judged", f"{median('judged', 'after_s'):.3g} s"),
        Row("memory at the peak", f"{max(each['judged']['peak_mb'] for each in readings):,.0f} MB"),
        Row("`kubectl get -A` of the four kinds", f"{kubectl_s:.3g} s"),
        Row("the same in CPU time", _cpu(theirs["cpu_s"], *theirs["servers_cpu_s"])),
        Row("the same: memory at the peak", f"{theirs['peak_mb']:,.0f} MB"),
        Row("kubectl's time / kinspect's", f"{kubectl_s / ours_s:.3g} ×"),
        Row("counts told while pods load, and of how many", told, "", totals == {FULL.scaled(scale).pods}),
        Row("the longest time without a new count", f"{_silence(found['told']):.2g} s"),
    )
    part = f", divided by {scale}." if scale > 1 else "."
    full = f"{FULL.services:,} Services, {FULL.slices:,} EndpointSlices, {FULL.nodes:,} Nodes, "
    notes = (
        f"{full}{FULL.pods:,} Pods{part}",
        f"kube-apiserver and kubectl {KUBERNETES}, etcd {found['etcd']}; all on loopback, over HTTPS.",
        f"kinspect: median of {TIMES} readings; kubectl: one, all of it, as tables.",
        "Server and reader share the cores. CPU time: the reader, the API server, etcd.",
    )
    return Section("apiserver", TITLE, rows, notes)


def _cpu(reader: float, apiserver: float, etcd: float) -> str:
    return f"{reader:.3g} s, API server {apiserver:.3g} s, etcd {etcd:.2g} s"


def _silence(told: list[tuple[float, str, int, int]]) -> float:
    """From process start to the last count."""
    times = [0.0, *sorted(after_s for after_s, _, _, _ in told)]
    return max(later - earlier for earlier, later in itertools.pairwise(times))


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
