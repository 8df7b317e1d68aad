"""What `resolve` predicts is what the kernel does: named cases in full, and random ones by the thousand.

Judged by the echo server's answer and by connection tracking, never by kinspect's own view of the packets.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from kinspect.model.meta import Key
from kinspect.model.snapshot import Snapshot

from .cases import Case, cases
from .ground import Ground, run, snapshot
from .predictions import dead_ends, difference, observe, predicted
from .settling import settle
from .tracking import End

OBJECTS = Path(__file__).parent / "objects.yaml"
CLIENTS = (
    "client",
    "node/node1",
    "node/node2",
    "pod/scenarios/box1",
    "pod/scenarios/box2",
    "pod/scenarios/a1",  # a backend itself: it may get its own connection back
)
RANDOM_CASES = 1_000
ENOUGH = 60
"""Connections after which each of up to three backends was chosen, but for one run in 10¹⁰."""


class Known:
    """A ground with the objects, at rest: what the API says, and all that can be connected to."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.snapshot: Snapshot = snapshot(ground)
        self.dead: set[End] = dead_ends(ground)
        everything = cases(self.snapshot, CLIENTS, dict(ground.modes))
        self.cases = [case for case in everything if case.way.service.namespace == "scenarios"]

    def of(self, service: str) -> list[Case]:
        """All cases of `NAME` or `NAME:PORT`."""
        name, _, port = service.partition(":")
        wanted = Key("scenarios", name)
        found = [c for c in self.cases if c.way.service == wanted and port in ("", c.way.port.name)]
        assert found, f"no case connects to {service}"
        return found


@pytest.fixture(scope="module")
def known(ground: Ground) -> Known:
    ground.apply(OBJECTS.read_text())
    settle(ground)
    # The Service `leaving` is left with a pod that is told to end and serves on.
    ground.kubectl("-n", "scenarios", "delete", "pod", "leaving", "--wait=false")
    settle(ground)
    for node in ground.modes:
        # Refusals are ICMP errors, and the kernel would send each client only one a second.
        unlimited = ["icmp_ratelimit=0", "icmp_msgs_burst=1000", "icmp_msgs_per_sec=100000"]
        run(ground, f"node/{node}", ["sysctl", "-qw", *(f"net.ipv4.{each}" for each in unlimited)])
    return Known(ground)


STORIES = {
    "S2 a cluster IP is balanced over all its pods": "balanced",
    "S5 behind a dead port the backend itself refuses": "balanced:dead",
    "S6 one named port is two numbers": "named",
    "S12 a fixed cluster IP": "fixed",
    "S13 an external IP is met on every node": "external-ip",
    "S14 a node port on every node": "node-port",
    "S14 a node port over UDP": "node-port:udp",
    "S15 a balancer's address is short-circuited in the cluster": "load-balanced",
    "S17 policy Local: silent where no pod is": "local-outside",
    "S17 internal policy Local": "local-inside",
    "S18 policy Local behind a balancer": "local-balancer",
    "S19 the same zone": "same-zone",
    "S19 the same node": "same-node",
    "S22 members by hand": "by-hand",
    "S22 members by hand are local to no node": "by-hand-local",
    "S3 a selector that matches nothing": "nobody",
    "S3 nothing that is ready": "unready",
    "S3 not ready, and published": "unready-published",
    "S3 the last pod leaves and is still used": "leaving",
}


@pytest.mark.parametrize("service", STORIES.values(), ids=STORIES.keys())
def test_every_backend_that_is_predicted_is_chosen_and_no_other(known: Known, service: str) -> None:
    asked = known.of(service)
    choices = [predicted(known.snapshot, case) for case in asked]
    times = [ENOUGH if len(choice.backends) > 1 else 3 for choice in choices]
    seen = iter(observe(known.ground, [case for case, n in zip(asked, times, strict=True) for _ in range(n)]))
    for case, choice, n in zip(asked, choices, times, strict=True):
        of_case = [next(seen) for _ in range(n)]
        assert not {difference(choice, each, known.dead) for each in of_case} - {""}, str(case)
        chosen = {End(each.address, each.port or 0) for each in choice.backends}
        assert {each.sent_to for each in of_case} - {None} == chosen, str(case)


def test_a_client_with_affinity_stays_where_it_is(known: Known) -> None:
    """S16: at one node and for one port. Only what the node sees as one client is one."""
    asked = known.of("sticky")
    seen = iter(observe(known.ground, [case for case in asked for _ in range(10)]))
    for case in asked:
        of_case = [next(seen) for _ in range(10)]
        choice = predicted(known.snapshot, case)
        assert not {difference(choice, each, known.dead) for each in of_case} - {""}, str(case)
        assert len({each.sent_to for each in of_case}) == 1, str(case)


def test_a_thousand_random_connections(known: Known) -> None:
    seed = random.SystemRandom().getrandbits(32)
    chosen = random.Random(seed).choices(known.cases, k=RANDOM_CASES)
    seen = observe(known.ground, chosen)
    wrong = [
        f"{case}: {said}"
        for case, each in zip(chosen, seen, strict=True)
        if (said := difference(predicted(known.snapshot, case), each, known.dead))
    ]
    assert not wrong, f"seed {seed}, {len(wrong)} of {len(chosen)}:\n" + "\n".join(wrong[:20])
