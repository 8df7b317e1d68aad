"""The lab enforces NetworkPolicies: real packets pass or do not, in both proxy modes, bridged and routed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.lab.policy_ground import Call, PolicyGround, policy_ground

pytestmark = pytest.mark.lab

WEB, DB, CLIENT, OTHER = "pod/shop/web", "pod/shop/db", "pod/shop/client", "pod/research/client"
NODE1, NODE2, OUTSIDE = "node/node1", "node/node2", "client"
HTTP, ADMIN, DGRAM = "shop/web:8080", "shop/web:8090", "shop/web:9090/UDP"
DB_HTTP, OUTSIDE_HTTP = "shop/db:5432", "client:80"
TO_WEB = "podSelector: {matchLabels: {app: web}}\n"
OF_CLIENT = "podSelector: {matchLabels: {app: client}}\npolicyTypes: [Egress]\n"
ADDRESSES = {"client": "203.0.113.9", "node1": "192.0.2.11", "node2": "192.0.2.12"}


@pytest.fixture(scope="module", params=[("vxlan", "iptables"), ("routed", "nftables")], ids="-".join)
def ground(request: pytest.FixtureRequest) -> Iterator[PolicyGround]:
    with policy_ground(*request.param) as lab:
        yield lab


class Case(NamedTuple):
    """Policies of namespace shop, who gets through by them, and who does not."""

    policies: tuple[str, ...]
    passes: tuple[tuple[str, str], ...]
    silent: tuple[tuple[str, str], ...]


CASES = {
    "no policy": Case((), ((CLIENT, HTTP), (OTHER, HTTP), (CLIENT, DGRAM), (CLIENT, OUTSIDE_HTTP)), ()),
    "deny all ingress": Case(
        (TO_WEB,),
        ((NODE1, HTTP), (WEB, HTTP), (CLIENT, DB_HTTP), (WEB, DB_HTTP), (WEB, OUTSIDE_HTTP)),
        ((CLIENT, HTTP), (DB, HTTP), (OTHER, HTTP), (CLIENT, DGRAM), (NODE2, HTTP), (CLIENT, "svc/web:80")),
    ),
    "deny all both ways": Case(
        ("podSelector: {}\npolicyTypes: [Ingress, Egress]",),
        ((NODE2, DB_HTTP), (WEB, HTTP), (WEB, "node1:10256"), (OTHER, OUTSIDE_HTTP)),
        ((CLIENT, HTTP), (CLIENT, OUTSIDE_HTTP), (WEB, DB_HTTP), (CLIENT, "node2:10256")),
    ),
    "from podSelector": Case(
        (TO_WEB + "ingress: [{from: [{podSelector: {matchLabels: {app: client}}}]}]",),
        ((CLIENT, HTTP), (CLIENT, DGRAM), (CLIENT, "svc/web:80")),
        ((DB, HTTP), (OTHER, HTTP), (OUTSIDE, "node2:30080")),
    ),
    "from namespaceSelector": Case(
        (TO_WEB + "ingress: [{from: [{namespaceSelector: {matchLabels: {team: research}}}]}]",),
        ((OTHER, HTTP),),
        ((CLIENT, HTTP), (DB, HTTP)),
    ),
    "from both selectors": Case(
        (
            TO_WEB
            + """ingress: [{from: [{
                   namespaceSelector: {matchExpressions: [{key: team, operator: Exists}]},
                   podSelector: {matchExpressions: [{key: tier, operator: NotIn, values: [back]}]}}]}]""",
        ),
        ((OTHER, HTTP), (CLIENT, HTTP)),
        ((DB, HTTP),),
    ),
    "from ipBlock": Case(
        ("podSelector: {}\ningress: [{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}]",),
        ((OUTSIDE, "node2:30081"), (OUTSIDE, "node1:30080")),
        ((CLIENT, DB_HTTP), (OTHER, HTTP), (OUTSIDE, "node2:30080")),  # the last is seen as node2
    ),
    "from ipBlock with except": Case(
        (
            (
                "podSelector: {}\n"
                "ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.9/32]}}]}]"
            ),
        ),
        (),
        ((OUTSIDE, "node2:30081"), (OUTSIDE, "node1:30080")),
    ),
    "by port": Case(
        (TO_WEB + "ingress: [{ports: [{port: 8080}]}]",),
        ((CLIENT, HTTP), (OTHER, HTTP), (OUTSIDE, "node2:30080")),
        ((CLIENT, ADMIN), (CLIENT, DGRAM)),
    ),
    "by protocol": Case(
        (TO_WEB + "ingress: [{ports: [{protocol: UDP}]}]",), ((CLIENT, DGRAM),), ((CLIENT, HTTP),)
    ),
    "by named port": Case(
        ("podSelector: {}\ningress: [{ports: [{port: http}]}]",),
        ((CLIENT, HTTP), (CLIENT, DB_HTTP)),
        ((CLIENT, ADMIN), (CLIENT, "shop/db:8090"), (CLIENT, DGRAM)),
    ),
    "by range": Case(
        (TO_WEB + "ingress: [{ports: [{port: 8081, endPort: 8090}]}]",), ((CLIENT, ADMIN),), ((CLIENT, HTTP),)
    ),
    "policies add up": Case(
        (
            TO_WEB + "ingress: [{ports: [{port: 8080}]}]",
            "podSelector: {}\ningress: [{from: [{podSelector: {matchLabels: {app: db}}}]}]",
        ),
        ((OTHER, HTTP), (DB, HTTP), (DB, ADMIN)),
        ((OTHER, ADMIN), (OTHER, DB_HTTP)),
    ),
    "egress denied": Case(
        (OF_CLIENT,),
        ((WEB, DB_HTTP), (DB, "shop/client:8080"), (OTHER, DB_HTTP), (CLIENT, "shop/client:8080")),
        ((CLIENT, HTTP), (CLIENT, DB_HTTP), (CLIENT, "svc/web:80"), (CLIENT, OUTSIDE_HTTP)),
    ),
    "egress to a pod and to a stranger": Case(
        (
            OF_CLIENT
            + """egress: [{to: [{podSelector: {matchLabels: {app: web}}}]},
                          {to: [{ipBlock: {cidr: 203.0.113.9/32}}], ports: [{port: 80}]}]""",
        ),
        ((CLIENT, HTTP), (CLIENT, "svc/web:80"), (CLIENT, OUTSIDE_HTTP)),
        ((CLIENT, DB_HTTP), (CLIENT, "client:443")),
    ),
    "egress by a name": Case(
        (OF_CLIENT + "egress: [{ports: [{port: http}]}]",),
        ((CLIENT, HTTP), (CLIENT, DB_HTTP)),
        ((CLIENT, ADMIN), (CLIENT, "shop/db:8090"), (CLIENT, OUTSIDE_HTTP)),
    ),
    "egress rules without types isolate ingress too": Case(
        ("podSelector: {matchLabels: {app: web}}\negress: [{}]",), ((WEB, DB_HTTP),), ((CLIENT, HTTP),)
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_packets_pass_or_do_not(ground: PolicyGround, name: str) -> None:
    case = CASES[name]
    ground.enforce(*case.policies)
    calls = [call(ground, *each) for each in (*case.passes, *case.silent)]
    told = dict(zip((*case.passes, *case.silent), ground.outcomes(calls), strict=True))
    assert {each: told[each] for each in case.passes} == dict.fromkeys(case.passes, "open")
    assert {each: told[each] for each in case.silent} == dict.fromkeys(case.silent, "silent")


def call(ground: PolicyGround, source: str, target: str) -> Call:
    name, _, port = target.partition(":")
    number, _, protocol = port.partition("/")
    if name.startswith("svc/"):
        address = ground.lab.store.get("Service", "shop", name[4:])["spec"]["clusterIP"]
    else:
        address = ADDRESSES.get(name) or ground.address(name)
    return Call(source, protocol or "TCP", address, int(number))


def test_rules_follow_pods_and_namespaces(ground: PolicyGround) -> None:
    """A label that is added or taken away opens and closes, without any change of the policy."""
    ground.enforce(TO_WEB + "ingress: [{from: [{namespaceSelector: {matchLabels: {team: guest}}}]}]")
    calls = [call(ground, OTHER, HTTP)]
    assert ground.outcomes(calls) == ["silent"]
    for team, expected in (("guest", "open"), ("research", "silent")):
        ground.label("Namespace", "", "research", team=team)
        assert ground.outcomes(calls) == [expected]


def test_without_the_engine_policies_mean_nothing(ground: PolicyGround) -> None:
    ground.enforce("podSelector: {}")
    calls = [call(ground, CLIENT, HTTP), call(ground, OTHER, DB_HTTP)]
    assert ground.outcomes(calls) == ["silent", "silent"]
    with ground.unenforced():
        assert ground.outcomes(calls) == ["open", "open"]
    assert ground.outcomes(calls) == ["silent", "silent"]


JUNK = """podSelector: {}
policyTypes: [Ingress, Sideways]
ingress:
- from: [{podSelector: {matchExpressions: [{key: app, operator: Resembles, values: [client]}]}}]
  ports: [{port: 99999}, {port: 8080, protocol: ICMP}, {port: 9000, endPort: 8000}, {port: "no such name"}]
- from: [{ipBlock: {cidr: everywhere}}, {ipBlock: {cidr: "2001:db8::/32"}}, {}]
"""


def test_what_makes_no_sense_allows_nothing(ground: PolicyGround) -> None:
    """The real API server would refuse it; here it must at least not end the lab."""
    ground.enforce(JUNK)
    assert ground.outcomes([call(ground, CLIENT, HTTP), call(ground, OTHER, DB_HTTP)]) == ["silent"] * 2
    ground.enforce()
    assert ground.outcomes([call(ground, CLIENT, HTTP)]) == ["open"]
