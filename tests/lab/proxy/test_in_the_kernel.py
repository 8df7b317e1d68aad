"""The written rules, loaded into a real kernel, do what the walk through them says: for every Service port.

A process of the node connects to every address of every Service, in both modes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kinspect.lab.proxy import iptables, nftables
from kinspect.lab.proxy.plan import Plan, plans
from kinspect.lab.proxy.world import World
from kinspect.ruleset import iptables_save
from kinspect.ruleset.matching import Headers, Node
from kinspect.ruleset.model import Ruleset
from kinspect.ruleset.nft_json import read as read_nft
from kinspect.ruleset.walk import dnat_shares, journey

SCRIPT = Path(__file__).parent / "in_namespace.py"
LISTEN = (53, 80, 443, 6443, 8080, 8443, 9153)
CONNECTIONS, FEW = 60, 4
"""So many connections find each of four backends, but for one run in ten million."""

NODES = Node(
    frozenset(f"192.0.2.{last}" for last in range(256))
    | {f"10.244.{n}.{last}" for n in range(3) for last in range(12)}
)


def entrances(plan: Plan, node_ip: str) -> list[tuple[str, int]]:
    addresses = [(ip, plan.port) for ip in (plan.cluster_ip, *plan.external_ips, *plan.balancer_ips)]
    return [*addresses, *([(node_ip, plan.node_port)] if plan.node_port else [])]


@pytest.mark.lab
@pytest.mark.parametrize("mode", ["iptables", "nftables"])
@pytest.mark.parametrize("node", ["node1", "node2", "node3"])
def test_the_kernel_does_as_the_walk_says(
    node: str, mode: str, world: World, in_namespace: Callable[[str, str], str]
) -> None:
    render = iptables.render if mode == "iptables" else nftables.render
    rules = render(world, node)
    node_ip = world.node_ip(node)
    tcp = [plan for plan in plans(world, node) if plan.protocol == "tcp"]
    sticky = {each for plan in tcp for each in entrances(plan, node_ip) if plan.affinity_timeout_s}
    asked = [each for plan in tcp for each in entrances(plan, node_ip)]
    asked += [("10.96.100.162", 81), ("10.96.250.250", 80), (node_ip, 31999)]
    order = {
        "node_ip": node_ip,
        "local": ["10.244.0.0/16", "192.0.2.0/24"],
        "load": ["iptables-restore"] if mode == "iptables" else ["nft", "-f", "-"],
        "rules": rules,
        "listen": LISTEN,
        "connections": [(*each, CONNECTIONS) for each in asked],
    }
    ruleset = as_read_back(mode, rules, in_namespace)
    answers = json.loads(in_namespace(f"{sys.executable} {SCRIPT}", json.dumps(order)))
    for where, answer in zip(asked, answers, strict=True):
        backends, end = predicted(ruleset, node_ip, where)
        chosen, ended = observed(answer)
        assert ended == end, where
        assert chosen <= backends, where
        if where in sticky:
            assert len(chosen) == 1, where
        elif len(backends) <= FEW:
            assert chosen == backends, where
    assert sum(len(observed(answer)[0]) > 1 for answer in answers) > 5


def as_read_back(mode: str, rules: str, in_namespace: Callable[[str, str], str]) -> Ruleset:
    if mode == "iptables":
        return iptables_save.read(rules)
    return read_nft(in_namespace("nft -f - && nft -j list ruleset", rules))


def predicted(ruleset: Ruleset, node_ip: str, to: tuple[str, int]) -> tuple[set[tuple[str, int]], str]:
    """The backends that a process of the node may reach, or how it is refused. Nobody listens elsewhere."""
    ways = journey(ruleset, Headers("tcp", node_ip, 40_000, *to), NODES, "node")
    assert not any(way.doubts for way in ways)
    backends = set(dnat_shares(ways))
    (end,) = {way.end for way in ways}
    if end == "accept" and not backends:
        # Untranslated: at the node's own address nobody listens, elsewhere it leaves and is never answered.
        return set(), "reject" if NODES.owns(to[0]) else "drop"
    return backends, end


def observed(answers: list[list[object] | str]) -> tuple[set[tuple[str, int]], str]:
    backends = {(str(each[0]), int(str(each[1]))) for each in answers if isinstance(each, list)}
    return backends, "accept" if backends else str(answers[0])
