"""What `resolve` predicts is what the kernel does: named cases in full, and random ones by the thousand.

Judged by the echo server's answer and by connection tracking, never by kinspect's own view of the packets.
"""

from __future__ import annotations

import random
from functools import cached_property

import pytest

from kinspect.model.meta import Key

from .cases import Case, cases
from .ground import Ground, run, snapshot
from .normal import PINNED
from .predictions import Observed, dead_ends, difference, observe, predicted
from .scenarios import NAMESPACES
from .tracking import End, remember

CLIENTS = (
    "client",
    "node/node1",
    "node/node2",
    "node/node3",
    "pod/scenarios/box1",
    "pod/scenarios/box2",
    "pod/shop/toolbox",
    "pod/scenarios/a1",  # a backend itself: it may get its own connection back
)
RANDOM_CASES = 1_000
ENOUGH = 40
"""Connections that reach each of three backends. Of 150 cases one misses one in 25,000 runs."""


class Known:
    """A ground at rest with the objects: what the API says, what can be connected to, and what then was."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.snapshot = snapshot(ground)
        self.dead = dead_ends(ground, self.snapshot)
        everything = cases(self.snapshot, CLIENTS, dict(ground.modes))
        self.everything = [case for case in everything if case.way.service.namespace in NAMESPACES]
        self.cases = [case for case in self.everything if case.way.service.namespace == PINNED]
        self.choices = {case: predicted(self.snapshot, case) for case in self.cases}

    @cached_property
    def seen(self) -> dict[Case, list[Observed]]:
        """Every case, so often that each of its backends must have been chosen."""
        often = [case for case in self.cases for _ in range(self._times(case))]
        seen: dict[Case, list[Observed]] = {case: [] for case in self.cases}
        for case, observed in zip(often, observe(self.ground, often), strict=True):
            seen[case].append(observed)
        return seen

    def _times(self, case: Case) -> int:
        return ENOUGH if len(self.choices[case].backends) > 1 else 3

    def of(self, service: str) -> list[Case]:
        """All cases of `NAME` or `NAME:PORT`."""
        name, _, port = service.partition(":")
        wanted = Key(PINNED, name)
        found = [c for c in self.cases if c.way.service == wanted and port in ("", c.way.port.name)]
        assert found, f"no case connects to {service}"
        return found

    def reachable(self, case: Case) -> set[End | Key | None]:
        """The backends that must be met in so many connections, as `reached` names them."""
        alive = {End(b.address, b.port or 0): b.pod for b in self.choices[case].backends}
        return {
            pod if case.way.port.protocol == "UDP" else end
            for end, pod in alive.items()
            if not self.dead.has(end)
        }

    def reached(self, case: Case) -> set[End | Key | None]:
        """The backends that answered: by address, and by UDP, where servers do not know theirs, by name."""
        answered = [each for each in self.seen[case] if each.outcome == "answered"]
        return {each.sent_to or each.pod for each in answered}

    def differences(self, case: Case) -> set[str]:
        """Where any connection of the case parted from what was predicted."""
        return {self.difference(case, each) for each in self.seen[case]} - {""}

    def difference(self, case: Case, seen: Observed) -> str:
        """Where one connection of the case parted from what was predicted; "" when it did not."""
        return difference(predicted(self.snapshot, case), seen, self.dead, self.ground.modes[case.node])


@pytest.fixture(scope="module")
def known(ground: Ground) -> Known:
    for node in ground.modes:
        # Refusals are ICMP errors, and the kernel would send each client only one a second.
        unlimited = ["icmp_ratelimit=0", "icmp_msgs_burst=1000", "icmp_msgs_per_sec=100000"]
        run(ground, f"node/{node}", ["sysctl", "-qw", *(f"net.ipv4.{each}" for each in unlimited)])
    remember(ground)
    return Known(ground)


STORIES = {
    "S2 a cluster IP is balanced over all its pods": "balanced",
    "S5 nothing listens: the backend itself resets": "balanced:dead",
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
    for case in known.of(service):
        assert not known.differences(case), str(case)
        assert known.reached(case) == known.reachable(case), str(case)


def test_a_client_with_affinity_stays_where_it_is(known: Known) -> None:
    """S16: at one node and for one port. Only what the node sees as one client is one."""
    for case in known.of("sticky"):
        assert not known.differences(case), str(case)
        assert len(known.reached(case)) == 1, str(case)


def test_a_thousand_random_connections(known: Known) -> None:
    seed = random.SystemRandom().getrandbits(32)
    chosen = random.Random(seed).choices(known.everything, k=RANDOM_CASES)
    wrong = [
        f"{case}: {said}"
        for case, each in zip(chosen, observe(known.ground, chosen), strict=True)
        if (said := known.difference(case, each))
    ]
    assert not wrong, f"seed {seed}, {len(wrong)} of {len(chosen)}:\n" + "\n".join(wrong[:20])
