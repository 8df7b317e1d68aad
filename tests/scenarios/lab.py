"""The lab as a ground: what a user gets from `kinspect lab up` and `kinspect lab exec`."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from kinspect.errors import EXIT_NOT_PERMITTED

from .ground import said

KINSPECT = [sys.executable, "-P", "-m", "kinspect"]
NODES = 3
BOOT_S = 60.0
NETWORKS: Mapping[str, str] = {
    "192.0.2.": "node.",
    "203.0.113.": "outside.",
    "198.51.100.": "balancer.",
    "10.244.0.0/16": "pods",
    "10.244.": "pod.",
    "10.96.": "service.",
}


class Lab:
    """A lab that runs as process `number`."""

    def __init__(self, number: int, kubeconfig: str, mode: str) -> None:
        self.number, self.kubeconfig = number, kubeconfig
        self.networks = NETWORKS
        self.modes: Mapping[str, str] = {f"node{i}": mode for i in range(1, NODES + 1)}

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        return said(["kubectl", f"--kubeconfig={self.kubeconfig}", *arguments], stdin)

    def within(self, place: str) -> Sequence[str]:
        return [*KINSPECT, "lab", "exec", f"--lab={self.number}", place, "--"]

    def apply(self, manifests: str) -> None:
        self.kubectl("apply", "-f", "-", stdin=manifests)

    @contextlib.contextmanager
    def broken(self, fault: str, here: int, there: int) -> Iterator[None]:
        """By `kinspect lab break`, which breaks the first node."""
        assert (here, there) == (1, 2)
        said([*KINSPECT, "lab", "break", f"--lab={self.number}", fault])
        try:
            yield
        finally:
            said([*KINSPECT, "lab", "heal", f"--lab={self.number}", fault])


@contextlib.contextmanager
def booted(mode: str, manifests: Path) -> Iterator[Lab]:
    """A lab with these objects, until the block ends, or this process. Skips where there can be none."""
    command = [*KINSPECT, "lab", "up", f"--nodes={NODES}", f"--proxy={mode}", f"--filename={manifests}"]
    with subprocess.Popen(
        ["setpriv", "--pdeathsig=TERM", *command], stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            assert running.stdout
            kubeconfig = running.stdout.readline().strip().removeprefix("export KUBECONFIG=")
            if not kubeconfig and running.wait(BOOT_S) == EXIT_NOT_PERMITTED:
                pytest.skip("this machine allows no lab")
            assert kubeconfig, "the lab did not come up"
            yield Lab(running.pid, kubeconfig, mode)
        finally:
            running.terminate()
