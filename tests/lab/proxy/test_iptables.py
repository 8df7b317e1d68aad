"""The iptables text against what a real kube-proxy 1.36.3 programmed from the same objects."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable

import pytest

from kinspect.lab.proxy.iptables import render
from kinspect.lab.proxy.world import World

UNORDERED = {"KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-EXTERNAL-SERVICES"}
"""Chains in which kube-proxy itself writes in random order (but for the last rule, looked at on its own)."""

Chains = dict[tuple[str, str], list[str]]


def chains_of(dump: str, without: str = "") -> Chains:
    """(table, chain) → rules without counters; lines with `without` are left out."""
    found: Chains = defaultdict(list)
    table = ""
    for line in re.sub(r"(?m)^\[\d+:\d+\] ", "", dump).splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif without and without in line:
            continue
        elif line.startswith(":"):
            found[table, line[1:].split()[0]] = []
        elif line.startswith("-A"):
            found[table, line.split()[1]].append(line)
    for (_, chain), rules in found.items():
        if chain in UNORDERED:
            rules.sort()
    return dict(found)


def canonical(recorded: str) -> str:
    """The recorded dump without its nfacct counter, which kube-proxy adds only where the kernel has one."""
    return recorded.replace("-m nfacct --nfacct-name  ct_state_invalid_dropped_pkts ", "")


@pytest.mark.parametrize("node", ["node1", "node2"])
def test_equals_the_recorded_node(node: str, world: World, recorded: Callable[[str], str]) -> None:
    """But for the CNI's own chains, which share the tables."""
    real = chains_of(canonical(recorded(f"{node}-iptables-save.txt")), without="FLANNEL-")
    assert chains_of(render(world, node)) == real
    assert sum(map(len, real.values())) > 700


def test_the_node_ports_come_last(world: World) -> None:
    nat = render(world, "node1").partition("*nat")[2]
    services = [line for line in nat.splitlines() if line.startswith("-A KUBE-SERVICES ")]
    assert [line.endswith("-j KUBE-NODEPORTS") for line in services].index(True) == len(services) - 1


def test_an_empty_world_has_the_frame_only() -> None:
    chains = chains_of(render(World(), "node1"))
    assert not [chain for _, chain in chains if chain.startswith("KUBE-SVC-")]
    assert chains["nat", "PREROUTING"] == [
        '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES'
    ]
    # The default: node ports at every address, loopback included, which needs the martian rule.
    assert "--dst-type LOCAL -j KUBE-NODEPORTS" in chains["nat", "KUBE-SERVICES"][0]
    assert "--ctstate RELATED,ESTABLISHED,DNAT -j DROP" in chains["filter", "KUBE-FIREWALL"][0]


@pytest.mark.lab
@pytest.mark.parametrize("node", ["node1", "node2"])
def test_the_kernel_takes_it_and_gives_it_back(
    node: str, world: World, in_namespace: Callable[[str, str], str]
) -> None:
    """Loaded into a fresh namespace, iptables-save prints exactly the rules that were written."""
    text = render(world, node)
    assert chains_of(in_namespace("iptables-restore && iptables-save", text)) == chains_of(text)
    # A second load replaces the first: nothing doubles.
    assert chains_of(in_namespace("iptables-restore && iptables-save", text + text)) == chains_of(text)
