"""What the recorded rules do to packets, against what they were seen to do on the running nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from kinspect.ruleset.iptables_save import read
from kinspect.ruleset.matching import Headers, Node
from kinspect.ruleset.model import ChainId, Ruleset
from kinspect.ruleset.walk import Origin, dnat_shares, journey, walk, walk_chain

CLIENT, STRANGER = "192.0.2.100", "203.0.113.9"
ECHO = {("10.244.0.2", 8080), ("10.244.0.5", 8080), ("10.244.1.2", 8080), ("10.244.2.8", 8080)}
WEB0 = {("10.244.1.3", 8080)}


@dataclass(frozen=True)
class Case:
    """A packet to `dst`, and what happens: its backends, or how it ends without one."""

    name: str
    node: str
    src: str
    dst: str
    dport: int
    backends: frozenset[tuple[str, int]] = frozenset()
    masqueraded: bool = False
    end: str = "accept"
    protocol: str = "tcp"
    origin: Origin = "network"


def served(
    name: str, node: str, src: str, dst: str, dport: int, backends: set[tuple[str, int]], **more: object
) -> Case:
    return Case(name, node, src, dst, dport, frozenset(backends), **more)  # type: ignore[arg-type]


CASES = [
    served("ClusterIP from a pod", "node1", "10.244.0.2", "10.96.100.162", 80, ECHO),
    served("ClusterIP from a stranger", "node1", STRANGER, "10.96.100.162", 80, ECHO, masqueraded=True),
    served("ClusterIP, UDP", "node1", "10.244.0.2", "10.96.161.147", 5353, ECHO, protocol="udp"),
    served("NodePort, policy Cluster", "node1", CLIENT, "192.0.2.11", 30080, ECHO, masqueraded=True),
    served(
        "NodePort, policy Local, keeps the source",
        "node2",
        CLIENT,
        "192.0.2.12",
        30091,
        {("10.244.1.2", 8080)},
    ),
    served("NodePort, policy Local, from a pod", "node2", "10.244.1.5", "192.0.2.12", 30091, ECHO),
    served(
        "NodePort, policy Local, no local endpoint, from the node",
        "node1",
        "192.0.2.11",
        "192.0.2.11",
        30093,
        WEB0,
        masqueraded=True,
        origin="node",
    ),
    Case("NodePort, policy Local, no local endpoint", "node1", CLIENT, "192.0.2.11", 30093, end="drop"),
    Case("NodePort, no endpoints", "node1", CLIENT, "192.0.2.11", 30090, end="reject"),
    Case("ClusterIP, no endpoints", "node1", "10.244.0.2", "10.96.249.45", 80, end="reject"),
    Case(
        "ClusterIP, no endpoints, from the node",
        "node1",
        "192.0.2.11",
        "10.96.249.45",
        80,
        end="reject",
        origin="node",
    ),
    Case("internal policy Local, none here", "node1", "10.244.0.2", "10.96.10.56", 80, end="drop"),
    served("external IP", "node1", CLIENT, "192.0.2.12", 8088, ECHO, masqueraded=True),
    served("balancer, allowed source", "node2", CLIENT, "192.0.2.200", 80, {("10.244.1.2", 8080)}),
    served(
        "balancer, from the node itself",
        "node3",
        "192.0.2.13",
        "192.0.2.200",
        80,
        ECHO,
        masqueraded=True,
        origin="node",
    ),
    Case("balancer, forbidden source", "node2", STRANGER, "192.0.2.200", 80, end="drop"),
    Case("balancer, forbidden pod", "node2", "10.244.1.5", "192.0.2.200", 80, end="drop"),
    # Free addresses and wrong ports of Services: iptables lets them pass (and the CNI masquerades them).
    Case("free ClusterIP", "node1", "10.244.0.2", "10.96.250.250", 80, masqueraded=True),
    Case("wrong port", "node1", "10.244.0.2", "10.96.100.162", 81, masqueraded=True),
    # The same in nftables mode, which differs in the last two.
    served("nft: ClusterIP from a pod", "node3", "10.244.2.5", "10.96.100.162", 80, ECHO),
    served("nft: ClusterIP from a stranger", "node3", STRANGER, "10.96.100.162", 80, ECHO, masqueraded=True),
    served("nft: NodePort", "node3", CLIENT, "192.0.2.13", 30080, ECHO, masqueraded=True),
    served("nft: NodePort, policy Local", "node3", CLIENT, "192.0.2.13", 30091, {("10.244.2.8", 8080)}),
    Case("nft: NodePort at another address of the node", "node3", CLIENT, "10.244.2.1", 30080),
    Case("nft: no local endpoint", "node3", CLIENT, "192.0.2.13", 30093, end="drop"),
    Case("nft: no endpoints", "node3", CLIENT, "192.0.2.13", 30090, end="reject"),
    Case("nft: balancer, forbidden source", "node3", STRANGER, "192.0.2.200", 80, end="drop"),
    Case("nft: free ClusterIP", "node3", "10.244.2.5", "10.96.250.250", 80, end="drop"),
    Case("nft: wrong port", "node3", "10.244.2.5", "10.96.100.162", 81, end="reject"),
    served(
        "nft: a remembered client stays", "node3", "10.244.2.8", "10.96.170.108", 80, {("10.244.1.2", 8080)}
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_recorded_rules_do_as_seen(
    case: Case, rulesets: Mapping[str, Ruleset], nodes: Mapping[str, Node]
) -> None:
    headers = Headers(case.protocol, case.src, 40_000, case.dst, case.dport)
    ways = journey(rulesets[case.node], headers, nodes[case.node], case.origin)
    assert set(dnat_shares(ways)) == case.backends
    assert {way.end for way in ways} == {case.end}
    assert sum(way.share for way in ways) == pytest.approx(1)
    assert not any(way.doubts for way in ways)
    hairpin = {way for way in ways if way.headers.dst == case.src}
    assert {way.masqueraded for way in ways if way not in hairpin} == {case.masqueraded}
    if case.backends:
        assert all(share == pytest.approx(1 / len(case.backends)) for share in dnat_shares(ways).values())


@pytest.mark.parametrize(("node", "pod"), [("node1", "10.244.0.2"), ("node3", "10.244.2.8")])
def test_a_pod_that_reaches_itself_is_masqueraded(
    node: str, pod: str, rulesets: Mapping[str, Ruleset], nodes: Mapping[str, Node]
) -> None:
    ways = journey(rulesets[node], Headers("tcp", pod, 40_000, "10.96.100.162", 80), nodes[node])
    assert {way.headers.dst: way.masqueraded for way in ways}[pod] is True
    assert sum(way.masqueraded for way in ways) == 1


def test_steps_name_chains_and_what_they_do(
    rulesets: Mapping[str, Ruleset], nodes: Mapping[str, Node]
) -> None:
    headers = Headers("tcp", CLIENT, 40_000, "192.0.2.11", 30092)
    (way,) = journey(rulesets["node1"], headers, nodes["node1"])
    assert [(step.chain.name, step.does) for step in way.steps] == [
        ("PREROUTING", "jump"),
        ("KUBE-SERVICES", "jump"),
        ("KUBE-NODEPORTS", "jump"),
        ("KUBE-EXT-PMFNVVYJSKQUUFW4", "jump"),
        ("KUBE-MARK-MASQ", "mark"),
        ("KUBE-EXT-PMFNVVYJSKQUUFW4", "jump"),
        ("KUBE-SVC-PMFNVVYJSKQUUFW4", "jump"),
        ("KUBE-SEP-GAP7VO5MOT2FAFAM", "dnat"),
        ("FORWARD", "jump"),
        ("KUBE-FORWARD", "accept"),
        ("POSTROUTING", "jump"),
        ("KUBE-POSTROUTING", "mark"),
        ("KUBE-POSTROUTING", "masquerade"),
    ]
    assert way.steps[6].detail == "KUBE-SEP-GAP7VO5MOT2FAFAM"
    assert way.steps[7].rule.endswith("--to-destination 10.244.1.3:8080")


def test_established_connections_do_not_meet_nat(
    rulesets: Mapping[str, Ruleset], nodes: Mapping[str, Node]
) -> None:
    headers = Headers("tcp", CLIENT, 40_000, "192.0.2.11", 30080, states=frozenset(("established",)))
    (way,) = journey(rulesets["node1"], headers, nodes["node1"])
    assert way.backend is None


def small(rules: str) -> Ruleset:
    return read(f"*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n{rules}\nCOMMIT\n")


def test_a_match_that_nobody_knows_makes_the_answer_doubtful() -> None:
    headers = Headers("tcp", "10.0.0.1", 1, "10.0.0.2", 80)
    (way,) = walk(
        small("-A FORWARD -m set --match-set bad src -j DROP"), headers, "forward", Node(frozenset())
    )
    assert way.end == "accept"
    assert way.doubts == ("whether this holds: -m set --match-set bad src -j DROP",)


@pytest.mark.parametrize(
    "rule",
    [
        "-A FORWARD -m set --match-set bad src -p udp -j DROP",  # cannot hold, whatever is in the set
        "-A FORWARD -m set --match-set bad src -j LOG",  # does nothing to the packet
        "-A FORWARD -m set --match-set bad src",
    ],
)
def test_what_cannot_matter_makes_no_doubt(rule: str) -> None:
    headers = Headers("tcp", "10.0.0.1", 1, "10.0.0.2", 80)
    (way,) = walk(small(rule), headers, "forward", Node(frozenset()))
    assert way.doubts == ()


def test_a_policy_ends_what_no_rule_did() -> None:
    headers = Headers("tcp", "10.0.0.1", 1, "10.0.0.2", 80)
    (way,) = walk(small(""), headers, "input", Node(frozenset()))
    assert (way.end, way.steps[-1].chain, way.steps[-1].does) == (
        "drop",
        ChainId("filter", "INPUT"),
        "policy",
    )


@pytest.mark.parametrize("go", ["-j", "-g"])
def test_jumps_in_a_circle_end(go: str) -> None:
    circle = small(f":A - [0:0]\n:B - [0:0]\n-A FORWARD -j A\n-A A {go} B\n-A B {go} A")
    (way,) = walk(circle, Headers("tcp", "10.0.0.1", 1, "10.0.0.2", 80), "forward", Node(frozenset()))
    assert way.end == "unknown"
    assert way.doubts[0].startswith("the jumps do not end at ")


def test_ways_beyond_counting_end() -> None:
    """Forty independent chances at each of two hooks would part into 2^80 ways."""
    chances = [f"-m statistic --mode random --probability 0.5 -j MARK --or-mark {n}" for n in range(1, 41)]
    mangle = "\n".join(f"-A PREROUTING {each}" for each in chances)
    filter_ = "\n".join(f"-A FORWARD {each}" for each in chances)
    first = f"*mangle\n:PREROUTING ACCEPT [0:0]\n{mangle}\nCOMMIT\n"
    second = f"*filter\n:FORWARD ACCEPT [0:0]\n{filter_}\nCOMMIT\n"
    ways = journey(read(first + second), Headers("tcp", "10.0.0.1", 1, "10.0.0.2", 80), Node(frozenset()))
    assert sum(way.share for way in ways) == pytest.approx(1)
    assert any(way.end == "unknown" for way in ways)


def test_a_jump_to_a_chain_that_is_not_there_is_a_doubt() -> None:
    (way,) = walk(
        small("-A FORWARD -j GONE"),
        Headers("tcp", "10.0.0.1", 1, "10.0.0.2", 80),
        "forward",
        Node(frozenset()),
    )
    assert way.doubts == ("the chain GONE is not in the dump",)


def test_without_the_nodes_addresses_local_is_unknown(rulesets: Mapping[str, Ruleset]) -> None:
    ways = journey(rulesets["node1"], Headers("tcp", CLIENT, 1, "192.0.2.11", 30090), Node())
    assert all(way.doubts for way in ways)


def test_one_chain_alone(rulesets: Mapping[str, Ruleset]) -> None:
    chain = ChainId("nat", "KUBE-SVC-M37HDGBLQOR7DV73")
    ways = walk_chain(rulesets["node1"], Headers("tcp", "0.0.0.0", 0, "0.0.0.0", 0), chain, Node(frozenset()))
    assert set(dnat_shares(ways)) == ECHO
    assert (
        walk_chain(
            rulesets["node1"], Headers("tcp", "0.0.0.0", 0, "0.0.0.0", 0), ChainId("nat", "NO"), Node()
        )
        == ()
    )
