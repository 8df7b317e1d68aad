"""From the command line to the first answer, with bare Python in turn, so that a busy machine hurts both.

The first paint is measured on a terminal of its own: from the start of the process until the words of the
first screen have been written to it, with a kubeconfig whose server never answers.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path
from time import monotonic

from tests.bench.report import Row, Section, below

TIMES = 11
KINSPECT = str(Path(sys.executable).with_name("kinspect"))
STORY = Path(__file__).parents[2] / "snapshots" / "service-apis" / "objects.yaml"
KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: nobody
contexts: [{name: nobody, context: {cluster: nobody, user: nobody}}]
clusters: [{name: nobody, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: nobody, user: {token: none}}]
"""


def run() -> Section:
    bare: list[float] = []
    commands = {"--help": ["--help"], "--version": ["--version"], "explain": ["explain"]}
    commands["check -f, the story"] = ["check", "--fail-on", "never", "-f", str(STORY)]
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for words in commands.values():
        _seconds([KINSPECT, *words])  # compiles what it imports
    _first_paint()
    for _ in range(TIMES):
        bare.append(_seconds([sys.executable, "-c", "pass"]))
        for name, words in commands.items():
            taken[name].append(_seconds([KINSPECT, *words]))
    python_ms = 1000 * statistics.median(bare)
    told = {name: 1000 * statistics.median(each) for name, each in taken.items()}
    paints = [_first_paint() for _ in range(TIMES)]
    rows = (
        Row("bare Python", f"{python_ms:.3g} ms"),
        below("`kinspect --help`, above bare Python", told["--help"] - python_ms, "ms", 40),
        *(Row(f"`kinspect {name}`", f"{told[name]:.3g} ms") for name in list(commands)[1:]),
        below("first paint of the screens", statistics.median(paints), "s", 0.5),
    )
    return Section("startup", "Starting", rows, (f"Median of {TIMES}, whole processes, compiled before.",))


def _seconds(argv: list[str]) -> float:
    began = monotonic()
    # Without a timeout: with one, subprocess looks again in ever longer steps, and so measures itself.
    subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)
    return monotonic() - began


def _first_paint() -> float:
    """Seconds until the first screen stands on a terminal of 80×24."""
    with tempfile.TemporaryDirectory() as directory:
        kubeconfig = Path(directory) / "kubeconfig"
        kubeconfig.write_text(KUBECONFIG)
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        began = monotonic()
        argv = [KINSPECT, "--kubeconfig", str(kubeconfig)]
        with subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs) as process:
            os.close(theirs)
            painted = _until(ours, b"Connecting", began + 20)
            process.kill()
        os.close(ours)
    return painted - began


def _until(terminal: int, words: bytes, deadline: float) -> float:
    """The moment at which the words have been written. Raises TimeoutError."""
    seen = b""
    while words not in seen:
        readable, _, _ = select.select([terminal], [], [], max(0.0, deadline - monotonic()))
        if not readable:
            raise TimeoutError(f"the first screen did not come: {seen[-200:]!r}")
        seen += os.read(terminal, 1 << 16)
    return monotonic()
