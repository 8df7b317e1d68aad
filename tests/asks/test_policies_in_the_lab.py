"""What NetworkPolicies say, and what packets do: the trace names the policy, and no verdict is ever wrong."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from kinspect.asks.trace import TraceAsk, predict, trace
from kinspect.lab import places
from kinspect.model.meta import Key
from kinspect.model.path import Trace
from kinspect.model.snapshot import Snapshot
from kinspect.trace.expected import Vantage, expect
from kinspect.trace.policies import judged
from kinspect.trace.sighting import Place
from kinspect.trace.target import at_address
from tests.lab.policy_ground import Call, PolicyGround, policy_ground

pytestmark = pytest.mark.lab

GROUNDS = [("vxlan", "iptables"), ("routed", "nftables")]
TO_DB = "podSelector: {matchLabels: {app: db}}\n"
TO_WEB = "podSelector: {matchLabels: {app: web}}\n"


@pytest.fixture(scope="module", params=GROUNDS, ids="-".join)
def ground(request: pytest.FixtureRequest) -> Iterator[PolicyGround]:
    with policy_ground(*request.param) as lab:
        yield lab


def traced(snapshot: Snapshot, target: str, vantage: str) -> Trace:
    return asyncio.run(trace(snapshot, TraceAsk(target, vantage, namespace="shop"))).trace


class Denial(NamedTuple):
    """`broken` stops it at `place` with `code`, and `says` is in its words; `healthy` lets it pass."""

    broken: str
    healthy: str
    target: str
    vantage: str
    place: str
    code: str
    says: str


DENIALS = {
    "nobody may reach it": Denial(
        TO_DB, TO_DB + "ingress: [{}]", "svc/db", "pod/shop/client", "node2", "POL302", "it has no rules"
    ),
    "another label": Denial(
        TO_DB + "ingress: [{from: [{podSelector: {matchLabels: {app: clint}}}]}]",
        TO_DB + "ingress: [{from: [{podSelector: {matchLabels: {app: client}}}]}]",
        "svc/db",
        "pod/shop/client",
        "node2",
        "POL302",
        "“pods with app=clint in namespace shop” does not select pod shop/client",
    ),
    "the Service's port": Denial(
        TO_DB + "ingress: [{ports: [{port: 80}]}]",
        TO_DB + "ingress: [{ports: [{port: 5432}]}]",
        "svc/db",
        "pod/shop/client",
        "node2",
        "POL302",
        "80 is the Service's port, a policy means the pod's",
    ),
    "on the same node": Denial(
        TO_WEB + "ingress: [{from: [{podSelector: {matchLabels: {app: db}}}]}]",
        TO_WEB + "ingress: [{from: [{podSelector: {}}]}]",
        "svc/web",
        "pod/shop/client",
        "node1",
        "POL302",
        "“pods with app=db in namespace shop”",
    ),
    "the client is masqueraded": Denial(
        TO_WEB + "ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}]",
        TO_WEB + "ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]",
        "node/node2:30080",
        "client",
        "node1",
        "POL302",
        "ipBlock 203.0.113.0/24 does not hold ",
    ),
    "the sender may call nobody": Denial(
        "podSelector: {matchLabels: {app: client}}\npolicyTypes: [Egress]",
        "podSelector: {matchLabels: {app: client}}\npolicyTypes: [Egress]\negress: [{ports: [{port: http}]}]",
        "svc/db",
        "pod/shop/client",
        "node1",
        "POL301",
        "it has no rules, and policyTypes names Egress",
    ),
    "the sender may not call a stranger": Denial(
        "podSelector: {}\npolicyTypes: [Egress]\negress: [{to: [{namespaceSelector: {}}]}]",
        "podSelector: {}\npolicyTypes: [Egress]\negress: [{to: [{ipBlock: {cidr: 203.0.113.9/32}}]}]",
        "203.0.113.9:80",
        "pod/shop/client",
        "node1",
        "POL301",
        "selects no address of a stranger (203.0.113.9)",
    ),
}


@pytest.mark.parametrize("name", DENIALS)
def test_a_policy_that_denies_is_named_with_its_rule(ground: PolicyGround, name: str) -> None:
    denial = DENIALS[name]
    ground.enforce(denial.broken)
    broken = ground.running.read()
    told = traced(broken, denial.target, denial.vantage)
    assert told.verdict == "dropped"
    assert (told.causes[0].code, told.causes[0].place.name) == (denial.code, denial.place), told.causes
    assert "NetworkPolicy shop/p0 isolates" in told.causes[0].message
    assert denial.says in told.causes[0].message
    ground.enforce(denial.healthy)
    healthy = ground.running.read()
    told = traced(healthy, denial.target, denial.vantage)
    assert (told.verdict, told.causes) == ("delivered", ())
    ask = TraceAsk(denial.target, denial.vantage, namespace="shop")
    assert predict(broken, ask).verdict in ("dropped", "unknown")
    assert any("denied as" in note and "shop/p0" in note for note in predict(broken, ask).notes)
    assert predict(healthy, ask).verdict in ("delivered", "unknown")
    assert not any(note.startswith("denied as") for note in predict(healthy, ask).notes)


def test_a_policy_that_nothing_enforces_is_named_though_it_was_delivered(ground: PolicyGround) -> None:
    ground.enforce(TO_DB)
    with ground.unenforced():
        snapshot = ground.running.read()
        told = traced(snapshot, "svc/db", "pod/shop/client")
        assert (told.verdict, told.divergence) == ("delivered", None)
        assert [cause.code for cause in told.causes] == ["POL303"]
        ask = TraceAsk("svc/db", "pod/shop/client", namespace="shop")
        assert predict(snapshot, ask).verdict == "unknown"  # denied, and nobody knows whether that counts
        assert not traced(snapshot, "svc/db", "node/node2").causes  # its own node may, enforced or not
    snapshot = ground.running.read()
    assert predict(snapshot, ask).verdict == "dropped"


def test_what_an_ingress_may_not_call_is_named(ground: PolicyGround) -> None:
    """The proxy answers by itself: its own connection is what the policy stops."""
    ground.enforce(TO_DB)
    told = traced(ground.running.read(), "http://shop.example.test/", "client")
    assert told.verdict == "refused"
    assert told.causes[0].code == "POL302"
    assert "does not select pod ingress-nginx/" in told.causes[0].message or "no rules" in (
        told.causes[0].message
    )
    ground.enforce()
    told = traced(ground.running.read(), "http://shop.example.test/", "client")
    assert (told.verdict, told.causes) == ("delivered", ())


def test_a_packet_that_was_lost_elsewhere_is_not_blamed_on_a_policy(ground: PolicyGround) -> None:
    """Two things are wrong; the packet never came to where the policy is enforced."""
    ground.enforce(TO_DB)
    snapshot = ground.running.read()
    off = ["sysctl", "-qw", "net.ipv4.ip_forward=0"]
    ground.running.do(ground.lab.ground.must(places.node("node1"), off))
    try:
        told = traced(snapshot, "svc/db", "pod/shop/client")
    finally:
        ground.running.do(ground.lab.ground.must(places.node("node1"), [*off[:2], off[2][:-1] + "1"]))
    assert [cause.code for cause in told.causes] == ["NOD301"]


# Random policies and many connections: where the verdict is certain, the packets agree.

ROUNDS = 10
PODS = ("shop/web", "shop/db", "shop/client", "research/client")
SOURCES = (*(f"pod/{name}" for name in PODS), "node/node1", "node/node2", "client")
PORTS = (("TCP", 8080), ("TCP", 8090), ("TCP", 5432), ("UDP", 9090))
POD_SELECTORS: tuple[Any, ...] = (
    {},
    {"matchLabels": {"app": "web"}},
    {"matchLabels": {"app": "client"}},
    {"matchLabels": {"tier": "front"}},
    {"matchExpressions": [{"key": "app", "operator": "In", "values": ["db", "client"]}]},
    {"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["front"]}]},
    {"matchExpressions": [{"key": "tier", "operator": "Exists"}]},
    {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]},
)
NAMESPACE_SELECTORS: tuple[Any, ...] = (
    {},
    {"matchLabels": {"team": "research"}},
    {"matchLabels": {"kubernetes.io/metadata.name": "shop"}},
    {"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]},
)
BLOCKS: tuple[Any, ...] = (
    {"cidr": "203.0.113.0/24"},
    {"cidr": "203.0.113.0/24", "except": ["203.0.113.8/30"]},
    {"cidr": "192.0.2.0/24"},
    {"cidr": "192.0.2.0/24", "except": ["192.0.2.11/32"]},
    {"cidr": "10.0.0.0/8"},
    {"cidr": "0.0.0.0/0", "except": ["10.244.0.0/16"]},
)
POLICY_PORTS: tuple[Any, ...] = (
    {"port": 8080},
    {"port": "http"},
    {"port": "admin"},
    {"port": "dgram", "protocol": "UDP"},
    {"port": 8000, "endPort": 8085},
    {"port": 5000, "endPort": 8090},
    {"protocol": "TCP"},
    {"protocol": "UDP"},
    {"port": 80},
)


def random_policy(chance: random.Random) -> dict[str, Any]:
    def peer() -> dict[str, Any]:
        match chance.randrange(4):
            case 0:
                return {"podSelector": chance.choice(POD_SELECTORS)}
            case 1:
                return {"namespaceSelector": chance.choice(NAMESPACE_SELECTORS)}
            case 2:
                return {
                    "podSelector": chance.choice(POD_SELECTORS),
                    "namespaceSelector": chance.choice(NAMESPACE_SELECTORS),
                }
        return {"ipBlock": chance.choice(BLOCKS)}

    def rules(of: str) -> list[dict[str, Any]]:
        return [
            {
                of: [peer() for _ in range(chance.randrange(3))],
                "ports": [chance.choice(POLICY_PORTS) for _ in range(chance.randrange(3))],
            }
            for _ in range(chance.randrange(3))
        ]

    spec: dict[str, Any] = {"podSelector": chance.choice(POD_SELECTORS)}
    spec["ingress"], spec["egress"] = rules("from"), rules("to")
    types = chance.choice(([], ["Ingress"], ["Egress"], ["Ingress", "Egress"]))
    return {**spec, "policyTypes": types} if types else spec


def calls(ground: PolicyGround) -> list[Call]:
    """Every source to every pod and port, to the client, and through every node port of every node."""
    found = []
    for source in SOURCES:
        for name in PODS:
            found += [Call(source, protocol, ground.address(name), port) for protocol, port in PORTS]
        for node in ("192.0.2.11", "192.0.2.12"):
            found += [Call(source, "TCP", node, port) for port in (30080, 30081, 7070)]
        found.append(Call(source, "TCP", "203.0.113.9", 80))
    return [call for call in found if call.source != "client" or not call.address.startswith("10.")]


def expected(snapshot: Snapshot, call: Call) -> str:
    """What should become of a call: "passes", "silent", or "unknown"."""
    target = at_address("call", snapshot, call.address, call.port, call.protocol)
    ways = [each for each in expect(snapshot, target, vantage(snapshot, call.source), {}) if each.share]
    told = [verdict for way in ways for verdict in judged(snapshot, call.protocol, way, {})]
    if any(way.outcome == "silent" for way in ways) or any(each.answer == "denied" for each in told):
        return "silent"
    return "unknown" if any(each.answer == "unknown" for each in told) else "passes"


def vantage(snapshot: Snapshot, source: str) -> Vantage:
    kind, _, name = source.partition("/")
    if kind == "pod":
        pod = snapshot.pods[Key(*name.split("/"))]
        return Vantage(Place("pod", name), pod.ips[0], pod.spec.node_name)
    if kind == "node":
        return Vantage(Place("node", name), snapshot.nodes[Key("", name)].internal_ips[0], name)
    return Vantage(Place("declared", "client"), "203.0.113.9", "")


def test_verdicts_and_packets_agree(ground: PolicyGround) -> None:
    chance = random.Random(1802)
    seen: Counter[tuple[str, str]] = Counter()
    wrong = []
    for _ in range(ROUNDS):
        policies = [random_policy(chance) for _ in range(chance.randint(1, 3))]
        ground.enforce(*policies)
        snapshot = ground.running.read()
        asked = calls(ground)
        for call, outcome in zip(asked, ground.outcomes(asked), strict=True):
            said, became = expected(snapshot, call), "silent" if outcome == "silent" else "passes"
            seen[said, became] += 1
            if said not in ("unknown", became):
                wrong.append((call, said, outcome, policies))
    assert not wrong, f"{len(wrong)} of {seen.total()}: {wrong[:3]}"
    assert seen["silent", "silent"] > 100 and seen["passes", "passes"] > 100
    unknown = seen["unknown", "silent"] + seen["unknown", "passes"]
    assert unknown < seen.total() / 4, seen
