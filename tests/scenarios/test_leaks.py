"""Whoever is killed, and whenever: nothing is left of the lab, nor of the agents that look into it."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.lab.labcommand import descendants, held, up, wait_until_none_lives

from .conftest import OBJECTS
from .lab import KINSPECT

pytestmark = pytest.mark.lab

TRACE = ("-n", "scenarios", "--from", "pod/scenarios/box1", "--repeat", "200", "svc/balanced:http")
LATEST_S = 2.0
"""So long after its first agent a trace still sends."""
ENDS_S = 30.0


def network_namespaces(processes: set[int]) -> set[str]:
    found = set()
    for process in processes:
        try:
            found.add(str(Path(f"/proc/{process}/ns/net").readlink()))
        except OSError:
            continue  # it has ended meanwhile
    return found


def everybody() -> set[int]:
    return {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}


def until_it_has_agents(trace: int) -> None:
    deadline = time.monotonic() + ENDS_S
    while len(descendants(trace)) == 1:
        assert time.monotonic() < deadline, "the trace starts no agent"
        time.sleep(0.02)


@pytest.mark.parametrize("victim", ["the lab", "an agent", "the trace", "all of them"])
def test_killed_at_a_random_moment_nothing_is_left(victim: str) -> None:
    seed = random.SystemRandom().getrandbits(32)
    with up("--nodes", "2", manifests=[OBJECTS]) as lab, contextlib.ExitStack() as stack:
        outside = network_namespaces({os.getpid()})
        kubeconfig = f"--kubeconfig={lab.kubeconfig}"
        with subprocess.Popen(
            [*KINSPECT, "trace", kubeconfig, *TRACE], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as tracing:
            until_it_has_agents(tracing.pid)
            time.sleep(random.Random(seed).uniform(0.0, LATEST_S))
            of_trace, of_lab = descendants(tracing.pid), lab.processes()
            stack.enter_context(held(of_trace | of_lab))
            inside = network_namespaces(of_trace | of_lab) - outside
            victims = {
                "the lab": {lab.number},
                "an agent": of_trace - {tracing.pid},
                "the trace": {tracing.pid},
                "all of them": of_trace | {lab.number},
            }
            for process in victims[victim]:
                os.kill(process, signal.SIGKILL)
            if victim == "the lab":
                # The trace is the user's own, who may wait for it; here it is killed too.
                assert not wait_until_none_lives(of_lab, ENDS_S), f"seed {seed}"
                tracing.kill()
            elif victim != "all of them":
                # The lab does not care who looks, and ends whole when it is told to.
                tracing.wait(ENDS_S)
                assert lab.end() == 0
            left = wait_until_none_lives(of_trace | of_lab, ENDS_S)
            assert not left, f"seed {seed}"
        assert not inside & network_namespaces(everybody()), f"seed {seed}"
