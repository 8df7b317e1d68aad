"""Predicted beside observed: what `resolve` says of a connection, and what the nodes' kernels made of it.

The judge of who was chosen is the echo server that answered; of what nobody answered, connection tracking,
which tells whether it was sent to a backend or not.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from kinspect.model.meta import Key
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import backends
from kinspect.resolve.traffic import Choice, Client, choose

from . import connector, tracking
from .cases import Case
from .ground import Ground, Json, run
from .tracking import End, Flow

AT_ONCE = 50


class Observed(NamedTuple):
    """What became of one connection: how it ended, who answered, and the address and port that got it.

    `sent_to` None = it was not sent anywhere else; or by UDP, where the server does not know its own address.
    """

    outcome: str
    pod: Key | None
    sent_to: End | None


def predicted(snapshot: Snapshot, case: Case) -> Choice:
    """What the objects say of the connection."""
    service, way = snapshot.services[case.way.service], case.way
    zone = snapshot.nodes[Key("", case.node)].zone
    client = Client(case.node, zone, case.origin)
    return choose(service, backends(snapshot, service, way.port), client, way.traffic)


def observe(ground: Ground, cases: Sequence[Case]) -> list[Observed]:
    """Makes every connection, so many at once, and asks echo server and connection tracking about each."""
    by_client: dict[str, list[Json]] = defaultdict(list)
    for number, case in enumerate(cases):
        target = {"protocol": case.way.port.protocol, "address": case.way.address, "port": case.way.number}
        by_client[case.client].append({"id": number, **target})
    at_once = str(max(1, AT_ONCE // len(by_client)))
    command = [sys.executable, str(connector.__file__), at_once]
    with ThreadPoolExecutor() as pool:
        said = pool.map(lambda client: run(ground, client, command, json.dumps(by_client[client])), by_client)
        told = {line["id"]: line for text in said for line in map(json.loads, text.splitlines())}
    remembered = tracking.tables(ground)
    return [_observed(case, told[number], remembered) for number, case in enumerate(cases)]


def difference(choice: Choice, seen: Observed, dead: Dead, mode: str) -> str:
    """Where the two part, in words; "" when they agree. `mode` is that of the node whose rules were met."""
    if choice.outcome != "backends":
        if seen.sent_to is not None:
            return f"predicted {choice.outcome} ({choice.because}), but it was sent to {seen.sent_to}"
        return "" if seen.outcome == choice.outcome else f"predicted {choice.outcome}, but it was {seen}"
    chosen = {End(each.address, each.port or 0): each.pod for each in choice.backends}
    if dead.ports.issuperset(chosen):
        # Connection tracking forgets at once what was reset before it was answered.
        return "" if seen.outcome == "reset" else f"nothing listens on {sorted(chosen)}, but it was {seen}"
    if dead.hosts.issuperset(end.address for end in chosen):
        # A virtual IP again: iptables lets it go where no host is, nftables knows that it is nobody's.
        expected = "silent" if mode == "iptables" else "refused"
        return "" if seen.outcome == expected else f"{sorted(chosen)} is no host, but it was {seen}"
    if seen.outcome != "answered" or not _is_right(seen, chosen):
        return f"predicted one of {sorted(chosen)} ({choice.because}), but it was {seen}"
    return ""


def _is_right(seen: Observed, chosen: dict[End, Key | None]) -> bool:
    """Whether a chosen one has answered. Of some it is not known whose they are: then the address must do."""
    if seen.sent_to is None:
        return seen.pod in chosen.values()
    return seen.sent_to in chosen and chosen[seen.sent_to] in (seen.pod, None)


class Dead(NamedTuple):
    """Where it is known that nobody answers: declared ports behind which nothing listens, and no host."""

    ports: set[End]
    hosts: set[str]

    def has(self, end: End) -> bool:
        return end in self.ports or end.address in self.hosts


def dead_ends(ground: Ground, snapshot: Snapshot) -> Dead:
    """What the pods' annotations say, and the virtual IPs: a packet is not translated twice."""
    ports = set()
    for pod in json.loads(ground.kubectl("get", "pods", "-A", "-o", "json"))["items"]:
        annotations = pod["metadata"].get("annotations", {})
        for number in annotations.get("lab.kinspect/dead-ports", "").split(","):
            if number:
                ports.add(End(pod["status"]["podIP"], int(number)))
    return Dead(ports, {ip for service in snapshot.services.values() for ip in service.virtual_ips})


def _observed(case: Case, told: Json, remembered: list[tracking.Table]) -> Observed:
    if "pod" in told:
        address, _, port = told["at"].rpartition(":")
        at = None if address == "0.0.0.0" else End(address, int(port))
        return Observed(told["outcome"], Key(*told["pod"].split("/")), at)
    target = End(case.way.address, case.way.number)
    flow = Flow(case.way.port.protocol, End(*told["source"]), target)
    after = tracking.followed(flow, remembered).target
    return Observed(told["outcome"], None, after if after != target else None)
