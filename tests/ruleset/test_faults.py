"""Faults that were made on running nodes, found in the dumps from before and after; and healthy nodes."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest

from kinspect.lab.proxy.plan import Plan, plans
from kinspect.lab.proxy.world import World
from kinspect.model.endpointslice import EndpointSlice
from kinspect.model.node import Node as NodeObject
from kinspect.model.service import Service
from kinspect.ruleset import iptables_save, nft_json
from kinspect.ruleset.faults import Expectation, faults
from kinspect.ruleset.hooks import lost_jumps
from kinspect.ruleset.matching import Headers, Node
from kinspect.ruleset.model import Ruleset
from kinspect.ruleset.reading import read_node

CLIENT, STRANGER = "192.0.2.100", "203.0.113.9"
WEB0 = frozenset({("10.244.1.3", 8080)})
ECHO = frozenset({("10.244.0.2", 8080), ("10.244.0.5", 8080), ("10.244.1.2", 8080), ("10.244.2.8", 8080)})


def through(node: int) -> Expectation:
    """The request of the recorded faults: a client asks a node port, one pod on node2 answers."""
    return Expectation(Headers("tcp", CLIENT, 40_000, f"192.0.2.{10 + node}", 30092), WEB0, masquerade=True)


IN_THE_TUNNEL = Expectation(Headers("tcp", "10.244.0.0", 40_000, "10.244.1.3", 8080))
"""The same request as it comes out of the tunnel on node2: it passes as it is."""

BROKEN = [
    ("svc-chain-flushed", "node1", through(1), "emptied chain", "KUBE-SVC-PMFNVVYJSKQUUFW4"),
    ("prerouting-jump-removed", "node1", through(1), "lost jump", "PREROUTING"),
    ("dnat-dead-address", "node1", through(1), "stale backend", "KUBE-SEP-GAP7VO5MOT2FAFAM"),
    ("forward-policy-drop", "node2", IN_THE_TUNNEL, "dropped", "FORWARD"),
    ("nft-service-chain-flushed", "node3", through(3), "emptied chain", "service-AN6D5RLX-shop/one/tcp/http"),
]
ELSEWHERE = ["fdb-entry-removed", "ip-forward-0", "mtu-1200"]
"""Faults that are not in the rules: these must be found sound, before and after."""


def dump(recorded: Mapping[str, str], name: str, when: str) -> Ruleset:
    iptables, nft = f"{name}-iptables-{when}.txt", f"{name}-nft-{when}.json"
    return iptables_save.read(recorded[iptables]) if iptables in recorded else nft_json.read(recorded[nft])


@pytest.mark.parametrize(
    ("name", "node", "expectation", "kind", "chain"), BROKEN, ids=lambda each: str(each)[:30]
)
def test_a_recorded_fault_is_named_and_its_healthy_twin_is_not(
    name: str,
    node: str,
    expectation: Expectation,
    kind: str,
    chain: str,
    recorded: Mapping[str, str],
    nodes: Mapping[str, Node],
) -> None:
    found = faults(dump(recorded, name, "after"), expectation, nodes[node])
    assert (found[0].kind, found[0].chain.name) == (kind, chain)
    assert found[0].doubts == ()
    assert faults(dump(recorded, name, "before"), expectation, nodes[node]) == ()


@pytest.mark.parametrize("name", ELSEWHERE)
@pytest.mark.parametrize("when", ["before", "after"])
def test_rules_are_not_blamed_for_what_is_elsewhere(
    name: str, when: str, recorded: Mapping[str, str], nodes: Mapping[str, Node]
) -> None:
    rules = dump(recorded, name, when)
    assert faults(rules, through(1), nodes["node1"]) == ()
    assert lost_jumps(rules) == ()


class Objects(msgspec.Struct):
    services: tuple[Service, ...] = msgspec.field(name="Service")
    slices: tuple[EndpointSlice, ...] = msgspec.field(name="EndpointSlice")
    nodes: tuple[NodeObject, ...] = msgspec.field(name="Node")


@pytest.fixture(scope="module")
def world() -> World:
    packed = Path(__file__).parents[1] / "lab" / "proxy" / "recorded" / "objects.json.gz"
    objects = msgspec.json.decode(gzip.decompress(packed.read_bytes()), type=Objects)
    return World(objects.services, objects.slices, objects.nodes)


def expectations(plan: Plan, node_ip: str) -> Iterator[Expectation]:
    """What should happen to a stranger's packet to each address of a Service port."""

    def one(dst: str, dport: int, local: bool, has: bool, source: str = STRANGER) -> Expectation:
        choice = plan.choice.local if local else plan.choice.cluster
        headers = Headers(plan.protocol, source, 40_000, dst, dport)
        if not has:
            return Expectation(headers, refusal="drop" if plan.choice.anywhere else "reject")
        backends = frozenset((each.address, each.port) for each in choice)
        external = dst != plan.cluster_ip
        return Expectation(headers, backends, masquerade=not (external and local))

    yield one(plan.cluster_ip, plan.port, plan.internal_local, plan.has_internal)
    for ip in plan.external_ips:
        yield one(ip, plan.port, plan.external_local, plan.has_external)
    for ip in plan.balancer_ips:
        yield one(ip, plan.port, plan.external_local, plan.has_external, CLIENT)
        if plan.source_ranges:
            yield Expectation(Headers(plan.protocol, STRANGER, 40_000, ip, plan.port), refusal="drop")
    if plan.node_port:
        yield one(node_ip, plan.node_port, plan.external_local, plan.has_external)


@pytest.mark.parametrize("node", ["node1", "node2", "node3"])
def test_a_healthy_node_has_no_fault_for_any_service(
    node: str, world: World, rulesets: Mapping[str, Ruleset], nodes: Mapping[str, Node]
) -> None:
    asked = [each for plan in plans(world, node) for each in expectations(plan, world.node_ip(node))]
    assert [faults(rulesets[node], each, nodes[node]) for each in asked] == [()] * len(asked)
    assert len(asked) > 30
    assert lost_jumps(rulesets[node]) == ()


def mended(recorded: Mapping[str, str], name: str, pattern: str, by: str) -> Ruleset:
    """The recorded dump with one place changed."""
    text, count = re.subn(pattern, by, recorded[name], count=1)
    assert count == 1
    return nft_json.read(text) if name.endswith("json") else iptables_save.read(text)


IPTABLES, NFT = "node1-iptables-save.txt", "node3-nft.json"
NODE_PORT_1 = Expectation(Headers("tcp", CLIENT, 1, "192.0.2.11", 30080), ECHO, masquerade=True)
NODE_PORT_3 = Expectation(Headers("tcp", CLIENT, 1, "192.0.2.13", 30080), ECHO, masquerade=True)
FROM_NODE_1 = Expectation(Headers("tcp", "192.0.2.11", 1, "10.96.225.63", 80), WEB0, origin="node")
EMPTY_1 = Expectation(Headers("tcp", CLIENT, 1, "192.0.2.11", 30090), refusal="reject")

CLUSTER_IP_3 = Expectation(Headers("tcp", "10.244.2.5", 1, "10.96.225.63", 80), WEB0)

CHANGED: list[tuple[str, str, str, str, Expectation, str, str]] = [
    (
        "an endpoint's rule is gone",
        IPTABLES,
        r".*-A KUBE-SVC-ELRJ4P66YNTMHUQ4 .*-> 10\.244\.0\.5.*\n",
        "",
        NODE_PORT_1,
        "missing backend",
        "KUBE-SVC-ELRJ4P66YNTMHUQ4",
    ),
    (
        "a wrong probability",
        IPTABLES,
        r"(-A KUBE-SVC-ELRJ4P66YNTMHUQ4 .*--probability )0\.25",
        r"\g<1>0.75",
        NODE_PORT_1,
        "uneven shares",
        "KUBE-SVC-ELRJ4P66YNTMHUQ4",
    ),
    (
        "the node port's rule is gone",
        IPTABLES,
        r".*-A KUBE-NODEPORTS .*--dport 30080 .*\n",
        "",
        NODE_PORT_1,
        "missing entrance",
        "KUBE-NODEPORTS",
    ),
    (
        "the mark is another",
        IPTABLES,
        r"(-A KUBE-MARK-MASQ -j MARK --set-xmark )0x4000/0x4000",
        r"\g<1>0x8000/0x8000",
        NODE_PORT_1,
        "wrong mark",
        "KUBE-MARK-MASQ",
    ),
    (
        "no mark is set",
        IPTABLES,
        r".*-A KUBE-EXT-ELRJ4P66YNTMHUQ4 .*-j KUBE-MARK-MASQ\n",
        "",
        NODE_PORT_1,
        "masquerade missing",
        "KUBE-SVC-ELRJ4P66YNTMHUQ4",
    ),
    (
        "the jump from POSTROUTING is gone",
        IPTABLES,
        r".*-A POSTROUTING .*-j KUBE-POSTROUTING\n",
        "",
        NODE_PORT_1,
        "lost jump",
        "POSTROUTING",
    ),
    (
        "nothing masquerades",
        IPTABLES,
        r".*-A KUBE-POSTROUTING .*\n.*-A KUBE-POSTROUTING .*\n.*-A KUBE-POSTROUTING .*\n",
        "",
        NODE_PORT_1,
        "emptied chain",
        "KUBE-POSTROUTING",
    ),
    (
        "nft: nothing masquerades",
        NFT,
        r'(\{"rule": \{"family": "ip", "table": "kube-proxy", "chain": "masquerading".*?\]\}\}, ){2}',
        "",
        NODE_PORT_3,
        "emptied chain",
        "masquerading",
    ),
    (
        "the endpoint's chain is empty",
        IPTABLES,
        r".*-A KUBE-SEP-3C5RF7EZWBCFGOLD .*\n.*-A KUBE-SEP-3C5RF7EZWBCFGOLD .*\n",
        "",
        NODE_PORT_1,
        "emptied chain",
        "KUBE-SEP-3C5RF7EZWBCFGOLD",
    ),
    (
        "forwarding is forbidden by a rule",
        IPTABLES,
        r"(.*-A FORWARD .*\n)",
        r"-A FORWARD -d 10.244.0.0/16 -j DROP\n\1",
        NODE_PORT_1,
        "dropped",
        "FORWARD",
    ),
    (
        "a cluster IP's rule is gone",
        IPTABLES,
        r".*-A KUBE-SERVICES -d 10\.96\.225\.63/32 .*\n",
        "",
        FROM_NODE_1,
        "missing entrance",
        "KUBE-SERVICES",
    ),
    (
        "the chain that finds Services is empty",
        IPTABLES,
        r"(\*nat(?s:.*?)\n)(?:.*-A KUBE-SERVICES .*\n)+",
        r"\1",
        FROM_NODE_1,
        "emptied chain",
        "KUBE-SERVICES",
    ),
    (
        "the Service's chain marks, and leads nowhere",
        IPTABLES,
        r".*-A KUBE-SVC-PMFNVVYJSKQUUFW4 .*-j KUBE-SEP-.*\n",
        "",
        FROM_NODE_1,
        "emptied chain",
        "KUBE-SVC-PMFNVVYJSKQUUFW4",
    ),
    (
        "the proxy believes that nobody is behind a cluster IP",
        IPTABLES,
        r"(\*filter(?s:.*?))COMMIT\n((?s:.*?)\n).*-A KUBE-SERVICES -d 10\.96\.225\.63/32 .*\n",
        r"\1-A KUBE-SERVICES -d 10.96.225.63/32 -p tcp -m tcp --dport 80 -j REJECT\nCOMMIT\n\2",
        FROM_NODE_1,
        "wrong refusal",
        "KUBE-SERVICES",
    ),
    (
        "a refusal is gone",
        IPTABLES,
        r".*-A KUBE-EXTERNAL-SERVICES .*--dport 30090 .*\n",
        "",
        EMPTY_1,
        "missing refusal",
        "KUBE-NODEPORTS",
    ),
    (
        "a refusal is silent",
        IPTABLES,
        r"(-A KUBE-EXTERNAL-SERVICES .*--dport 30090 )-j REJECT .*",
        r"\1-j DROP",
        EMPTY_1,
        "wrong refusal",
        "KUBE-EXTERNAL-SERVICES",
    ),
    (
        "nft: an element is gone",
        NFT,
        r'\[\{"concat": \["tcp", 30080\]\}, \{"goto": \{"target": "[^"]*"\}\}\], ',
        "",
        NODE_PORT_3,
        "missing entrance",
        "services",
    ),
    (
        "nft: the chain of a cluster IP is empty, so that the packet is refused as for a wrong port",
        NFT,
        r'\{"rule": \{"family": "ip", "table": "kube-proxy", "chain": "service-AN6D5RLX-.*?\]\]\}.*?\]\}\}, ',
        "",
        CLUSTER_IP_3,
        "emptied chain",
        "service-AN6D5RLX-shop/one/tcp/http",
    ),
    (
        "nft: a cluster IP is gone from the map, so that the packet is refused as for a wrong port",
        NFT,
        r'\[\{"concat": \["10\.96\.225\.63", "tcp", 80\]\}, \{"goto": \{"target": "service-[^"]*"\}\}\],? ?',
        "",
        CLUSTER_IP_3,
        "missing entrance",
        "services",
    ),
    (
        "nft: the proxy believes that nobody is behind a cluster IP",
        NFT,
        (
            r'("map": \{"family": "ip", "name": "no-endpoint-services".*?"elem": \[)(.*)'
            r'\[\{"concat": \["10\.96\.225\.63", "tcp", 80\]\}, \{"goto": \{"target": "service-[^"]*"\}\}\], '
        ),
        r'\1[{"concat": ["10.96.225.63", "tcp", 80]}, {"goto": {"target": "reject-chain"}}], \2',
        CLUSTER_IP_3,
        "wrong refusal",
        "reject-chain",
    ),
    (
        "nft: the chain that finds Services is empty",
        NFT,
        r'(\{"rule": \{"family": "ip", "table": "kube-proxy", "chain": "services".*?\]\}\}, ){3}',
        "",
        CLUSTER_IP_3,
        "emptied chain",
        "services",
    ),
    (
        "nft: a node port's chain marks, and leads nowhere",
        NFT,
        r'\{"rule": \{"family": "ip", "table": "kube-proxy", "chain": "external-WDRX[^}]*"goto".*?\]\}\}, ',
        "",
        NODE_PORT_3,
        "emptied chain",
        "external-WDRXLBNV-shop/echo-np/tcp/http",
    ),
    (
        "nft: the mark is another",
        NFT,
        r'("chain": "external-WDRXLBNV-shop/echo-np/tcp/http"[^|]*\|": \[\{"meta": \{[^}]*\}\}, )16384',
        r"\g<1>32768",
        NODE_PORT_3,
        "wrong mark",
        "external-WDRXLBNV-shop/echo-np/tcp/http",
    ),
    (
        "nft: the jump is gone",
        NFT,
        r'\{"rule": \{"family": "ip", "table": "kube-proxy", "chain": "nat-prerouting"[^]]*\]\}\}, ',
        "",
        NODE_PORT_3,
        "lost jump",
        "nat-prerouting",
    ),
    (
        "nft: a backend of the past",
        NFT,
        r'("chain": "service-WDRXLBNV-.*?)10\.244\.0\.5',
        r"\g<1>10.244.0.77",
        NODE_PORT_3,
        "stale backend",
        "service-WDRXLBNV-shop/echo-np/tcp/http",
    ),
]


@pytest.mark.parametrize(
    ("name", "file", "pattern", "by", "expectation", "kind", "chain"),
    CHANGED,
    ids=lambda each: str(each)[:40],
)
def test_a_changed_dump_shows_its_fault(
    name: str,
    file: str,
    pattern: str,
    by: str,
    expectation: Expectation,
    kind: str,
    chain: str,
    recorded: Mapping[str, str],
    nodes: Mapping[str, Node],
) -> None:
    node = nodes[file[:5]]
    found = faults(mended(recorded, file, pattern, by), expectation, node)
    assert (kind, chain) in [(each.kind, each.chain.name) for each in found], (name, found)
    assert found[0].kind == kind
    healthy = mended(recorded, file, "^", "")
    assert faults(healthy, expectation, node) == ()


@pytest.mark.parametrize(
    ("node", "src", "dst", "dport", "backends"),
    [
        ("node1", "10.244.0.2", "10.96.100.162", 80, ECHO),  # one of them is the pod itself: a hairpin
        ("node3", "10.244.2.8", "10.96.100.162", 80, ECHO),
        (
            "node3",
            "10.244.2.8",
            "10.96.170.108",
            80,
            ECHO,
        ),  # affinity remembers this one, and sends it to 1.2
        ("node1", "10.244.0.2", "10.96.0.1", 443, {("192.0.2.5", 6443)}),  # masqueraded by the CNI
    ],
)
def test_pods_keep_their_source_but_for_hairpins_and_the_world_outside(
    node: str,
    src: str,
    dst: str,
    dport: int,
    backends: set[tuple[str, int]],
    rulesets: Mapping[str, Ruleset],
    nodes: Mapping[str, Node],
) -> None:
    asked = Expectation(Headers("tcp", src, 1, dst, dport), frozenset(backends), masquerade=False)
    assert faults(rulesets[node], asked, nodes[node]) == ()


def test_a_pods_source_that_is_masqueraded_for_nothing_is_named(
    recorded: Mapping[str, str], nodes: Mapping[str, Node]
) -> None:
    wrong = mended(recorded, IPTABLES, r"(-A KUBE-SVC-M37HDGBLQOR7DV73 ! -s )10\.244", r"\g<1>10.99")
    asked = Expectation(Headers("tcp", "10.244.0.2", 1, "10.96.100.162", 80), ECHO, masquerade=False)
    (found,) = faults(wrong, asked, nodes["node1"])
    assert (found.kind, found.chain.name) == ("needless masquerade", "KUBE-POSTROUTING")


@pytest.mark.parametrize(
    ("iptables", "nft", "kinds"),
    [
        (["*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n"], '{"nftables": []}', ["no rules"]),
        ([""], '{"nftables": []}', ["no rules"]),
        (["*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n"], None, []),  # nft could not be asked
        ([], '{"nftables": []}', []),
        ([], None, []),
    ],
)
def test_no_rules_is_only_said_where_every_tool_answered(
    iptables: list[str], nft: str | None, kinds: list[str], nodes: Mapping[str, Node]
) -> None:
    found = faults(read_node(iptables, nft), NODE_PORT_1, nodes["node1"])
    assert [each.kind for each in found] == kinds
