"""What NetworkPolicies say of a connection, as a table of named cases: one per sentence of the theory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import pytest
import yaml

from kinspect.model.coverage import Coverage
from kinspect.model.meta import Key
from kinspect.model.pod import LabelSelector, LabelSelectorRequirement
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.label_selector import matches, selector_text
from kinspect.resolve.network_policy import Connection, Verdict, types_of, verdicts
from kinspect.resolve.policy_peers import Party, party_at, party_of_pod
from kinspect.sources.manifests import read_manifests

WORLD = """\
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}
---
apiVersion: v1
kind: Node
metadata: {name: n2}
status: {addresses: [{type: InternalIP, address: 192.0.2.2}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: sales}}
---
apiVersion: v1
kind: Namespace
metadata: {name: lab, labels: {team: research}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web, tier: front}}
spec:
  nodeName: n1
  containers:
  - {name: one, ports: [{name: http, containerPort: 8080}, {name: dns, containerPort: 5353, protocol: UDP}]}
  - {name: two, ports: [{name: http, containerPort: 8081}]}
  initContainers:
  - {name: side, restartPolicy: Always, ports: [{name: metrics, containerPort: 9100}]}
  - {name: before, ports: [{name: before, containerPort: 9200}]}
status: {phase: Running, podIP: 10.1.1.2}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: shop, labels: {app: client}}
spec: {nodeName: n1, containers: [{name: one}]}
status: {phase: Running, podIP: 10.1.1.3}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {nodeName: n2, containers: [{name: one, ports: [{name: http, containerPort: 5432}]}]}
status: {phase: Running, podIP: 10.1.2.2}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: lab, labels: {app: client}}
spec: {nodeName: n2, containers: [{name: one}]}
status: {phase: Running, podIP: 10.1.2.3}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: shop, labels: {app: agent}}
spec: {nodeName: n2, hostNetwork: true, containers: [{name: one}]}
status: {phase: Running, podIP: 192.0.2.2}
---
apiVersion: v1
kind: Pod
metadata: {name: stranded, namespace: unlisted, labels: {app: client}}
spec: {nodeName: n2, containers: [{name: one}]}
status: {phase: Running, podIP: 10.1.2.4}
---
apiVersion: v1
kind: Pod
metadata: {name: done, namespace: shop, labels: {app: done}}
spec: {nodeName: n1, containers: [{name: one}]}
status: {phase: Succeeded, podIP: 10.1.1.3}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: elsewhere, namespace: elsewhere}
spec: {podSelector: {}}
"""

WEB, CLIENT, DB, AGENT = "shop/web", "shop/client", "shop/db", "shop/agent"
LAB_CLIENT, STRANDED = "lab/client", "unlisted/stranded"
OUTSIDE, NODE1, NODE2 = "203.0.113.9", "192.0.2.1", "192.0.2.2"
SOME = "?"


def world(*specs: str) -> Snapshot:
    """The world with these policies in namespace shop, named p0, p1 …"""
    policies = [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": f"p{number}", "namespace": "shop"},
            "spec": yaml.safe_load(spec),
        }
        for number, spec in enumerate(specs)
    ]
    text = WORLD + "".join(f"---\n{yaml.safe_dump(each)}" for each in policies)
    return read_manifests(["-"], text.encode())


def party(snapshot: Snapshot, text: str) -> Party:
    if "/" in text:
        return party_of_pod(snapshot.pods[Key(*text.split("/"))])
    return Party() if text == SOME else party_at(snapshot, text)


def judged(snapshot: Snapshot, source: str, destination: str, port: str, *faces: str) -> tuple[Verdict, ...]:
    number, _, protocol = port.partition("/")
    seen_as = tuple(party(snapshot, each) for each in faces)
    ends = party(snapshot, source), party(snapshot, destination)
    return verdicts(snapshot, Connection(*ends, int(number), protocol or "TCP", seen_as))


class Case(NamedTuple):
    """`says` is part of the words of the verdict or of one of its misses."""

    policies: tuple[str, ...]
    source: str
    destination: str
    answer: str
    says: str = ""
    port: str = "8080"
    faces: tuple[str, ...] = ()


def to_web(spec: str, source: str, answer: str, says: str = "", port: str = "8080", *faces: str) -> Case:
    """One policy that selects web, and a connection to it."""
    return Case(("podSelector: {matchLabels: {app: web}}\n" + spec,), source, WEB, answer, says, port, faces)


def of_client(spec: str, destination: str, answer: str, says: str = "", port: str = "8080") -> Case:
    """One egress policy that selects client, and a connection of it."""
    text = f"podSelector: {{matchLabels: {{app: client}}}}\npolicyTypes: [Egress]\n{spec}"
    return Case((text,), CLIENT, destination, answer, says, port)


INGRESS = {
    "no policy": Case((), CLIENT, WEB, "allowed", "no NetworkPolicy selects it for ingress"),
    "a policy of another pod": Case(("podSelector: {matchLabels: {app: db}}",), CLIENT, WEB, "allowed"),
    "empty podSelector selects all": Case(("podSelector: {}",), CLIENT, WEB, "denied", "p0 isolates"),
    "no podSelector selects all": Case(("policyTypes: [Ingress]",), CLIENT, WEB, "denied"),
    "an expression selects": Case(
        ("podSelector: {matchExpressions: [{key: tier, operator: In, values: [front, back]}]}",),
        CLIENT,
        WEB,
        "denied",
    ),
    "an expression does not select": Case(
        ("podSelector: {matchExpressions: [{key: tier, operator: DoesNotExist}]}",), CLIENT, WEB, "allowed"
    ),
    "an operator of tomorrow": Case(
        ("podSelector: {matchExpressions: [{key: tier, operator: Resembles}]}",),
        CLIENT,
        WEB,
        "unknown",
        "whether NetworkPolicy shop/p0 selects it",
    ),
    "ingress [] denies all": to_web("ingress: []", CLIENT, "denied", "it has no rules"),
    "ingress [{}] allows all": to_web("ingress: [{}]", CLIENT, "allowed", "shop/p0 spec.ingress[0]"),
    "an egress-only policy without types": to_web(
        "egress: [{}]", CLIENT, "denied", "policyTypes names Ingress and Egress"
    ),
    "an egress-only policy with types": to_web("policyTypes: [Egress]\negress: [{}]", CLIENT, "allowed"),
    "rules of a type that is not named": to_web("policyTypes: [Egress]\ningress: []", CLIENT, "allowed"),
    "policies add up": Case(
        ("podSelector: {}", "podSelector: {}\ningress: [{from: [{podSelector: {}}]}]"),
        CLIENT,
        WEB,
        "allowed",
        "shop/p1 spec.ingress[0] allows",
    ),
    "neither of two allows": Case(
        ("podSelector: {}", "podSelector: {}\ningress: [{ports: [{port: 1}]}]"),
        CLIENT,
        WEB,
        "denied",
        "NetworkPolicies shop/p0, shop/p1 isolate",
    ),
    # peers
    "podSelector matches": to_web(
        "ingress: [{from: [{podSelector: {matchLabels: {app: client}}}]}]", CLIENT, "allowed"
    ),
    "podSelector does not match": to_web(
        "ingress: [{from: [{podSelector: {matchLabels: {app: db}}}]}]",
        CLIENT,
        "denied",
        "“pods with app=db in namespace shop” does not select pod shop/client",
    ),
    "podSelector means its own namespace": to_web(
        "ingress: [{from: [{podSelector: {matchLabels: {app: client}}}]}]", LAB_CLIENT, "denied"
    ),
    "empty podSelector of a peer is its own namespace": to_web(
        "ingress: [{from: [{podSelector: {}}]}]",
        LAB_CLIENT,
        "denied",
        "“all pods of namespace shop”",
    ),
    "namespaceSelector matches": to_web(
        "ingress: [{from: [{namespaceSelector: {matchLabels: {team: research}}}]}]", LAB_CLIENT, "allowed"
    ),
    "a namespace lacks the label": to_web(
        "ingress: [{from: [{namespaceSelector: {matchLabels: {team: sale}}}]}]",
        LAB_CLIENT,
        "denied",
        "“all pods of namespaces with team=sale”",
    ),
    "a namespace by its name": to_web(
        "ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: lab}}}]}]",
        LAB_CLIENT,
        "allowed",
    ),
    "empty namespaceSelector is every namespace": to_web(
        "ingress: [{from: [{namespaceSelector: {}}]}]", LAB_CLIENT, "allowed"
    ),
    "a namespace that is not known": to_web(
        "ingress: [{from: [{namespaceSelector: {matchLabels: {team: sales}}}]}]",
        STRANDED,
        "unknown",
        "selects pod unlisted/stranded is not known",
    ),
    "a namespace that is not known, by its name": to_web(
        "ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: unlisted}}}]}]",
        STRANDED,
        "allowed",
    ),
    "one peer of both selectors is AND": to_web(
        """ingress: [{from: [{namespaceSelector: {matchLabels: {team: research}},
                              podSelector: {matchLabels: {app: db}}}]}]""",
        LAB_CLIENT,
        "denied",
        "“pods with app=db in namespaces with team=research”",
    ),
    "two peers are OR": to_web(
        """ingress: [{from: [{namespaceSelector: {matchLabels: {team: research}}},
                             {podSelector: {matchLabels: {app: db}}}]}]""",
        LAB_CLIENT,
        "allowed",
    ),
    "NotIn holds without the key": to_web(
        """ingress: [{from: [{podSelector: {matchExpressions: [
             {key: tier, operator: NotIn, values: [front]}]}}]}]""",
        CLIENT,
        "allowed",
    ),
    "an empty from is everybody": to_web("ingress: [{from: []}]", OUTSIDE, "allowed"),
    "a peer of tomorrow": to_web(
        "ingress: [{from: [{nodeSelector: {}}]}]", CLIENT, "unknown", "no field that is known"
    ),
    # addresses
    "ipBlock holds": to_web("ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}]", OUTSIDE, "allowed"),
    "ipBlock does not hold": to_web(
        "ingress: [{from: [{ipBlock: {cidr: 198.51.100.0/24}}]}]",
        OUTSIDE,
        "denied",
        "ipBlock 198.51.100.0/24 does not hold 203.0.113.9",
    ),
    "ipBlock with except": to_web(
        "ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.8/29]}}]}]",
        OUTSIDE,
        "denied",
        "203.0.113.0/24 except 203.0.113.8/29 does not hold",
    ),
    "ipBlock beside except": to_web(
        "ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.0/29]}}]}]",
        OUTSIDE,
        "allowed",
    ),
    "ipBlock with host bits": to_web(
        "ingress: [{from: [{ipBlock: {cidr: 203.0.113.77/24}}]}]", OUTSIDE, "allowed"
    ),
    "ipBlock of the other family": to_web(
        'ingress: [{from: [{ipBlock: {cidr: "2001:db8::/32"}}]}]', OUTSIDE, "denied"
    ),
    "ipBlock that is none": to_web("ingress: [{from: [{ipBlock: {cidr: all}}]}]", OUTSIDE, "unknown"),
    "ipBlock over a pod's address": to_web(
        "ingress: [{from: [{ipBlock: {cidr: 10.1.0.0/16}}]}]",
        CLIENT,
        "unknown",
        "holds the address of pod shop/client",
    ),
    "ipBlock beside a pod's address": to_web(
        "ingress: [{from: [{ipBlock: {cidr: 10.9.0.0/16}}]}]", CLIENT, "denied"
    ),
    "a selector is no stranger": to_web(
        "ingress: [{from: [{namespaceSelector: {}}]}]", OUTSIDE, "denied", "no address of a stranger"
    ),
    "a source that is not known": to_web("ingress: [{from: [{podSelector: {}}]}]", SOME, "unknown"),
    "a source that is not known, and any will do": to_web("ingress: [{}]", SOME, "allowed"),
    # nodes
    "its own node": to_web("", NODE1, "allowed", "its own node"),
    "another node": to_web("", NODE2, "denied"),
    "another node in an ipBlock": to_web(
        "ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}]", NODE2, "allowed"
    ),
    "a selector that selects a hostNetwork pod there": to_web(
        "ingress: [{from: [{podSelector: {matchLabels: {app: agent}}}]}]", NODE2, "unknown", "hostNetwork"
    ),
    "a selector that selects no hostNetwork pod there": to_web(
        "ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]", NODE2, "denied"
    ),
    "a hostNetwork pod as a peer": to_web(
        "ingress: [{from: [{podSelector: {matchLabels: {app: agent}}}]}]", AGENT, "unknown"
    ),
    "a hostNetwork pod that is isolated": Case(
        ("podSelector: {}",), CLIENT, AGENT, "unknown", "host network"
    ),
    "a hostNetwork pod that is not": Case(
        ("podSelector: {matchLabels: {app: web}}",), CLIENT, AGENT, "allowed"
    ),
    # ports
    "the port": to_web("ingress: [{ports: [{port: 8080}]}]", CLIENT, "allowed"),
    "another port": to_web(
        "ingress: [{ports: [{port: 80}]}]", CLIENT, "denied", "it allows 80/TCP, not 8080/TCP"
    ),
    "another protocol": to_web(
        "ingress: [{ports: [{port: 8080, protocol: UDP}]}]", CLIENT, "denied", "8080/UDP"
    ),
    "no protocol is TCP": to_web("ingress: [{ports: [{port: 5353}]}]", CLIENT, "denied", "", "5353/UDP"),
    "no port is all of the protocol": to_web("ingress: [{ports: [{protocol: TCP}]}]", CLIENT, "allowed"),
    "no port of another protocol": to_web(
        "ingress: [{ports: [{protocol: UDP}]}]", CLIENT, "denied", "it allows UDP, not 8080/TCP"
    ),
    "an empty list of ports is all": to_web("ingress: [{ports: []}]", CLIENT, "allowed"),
    "in the range": to_web("ingress: [{ports: [{port: 8000, endPort: 8080}]}]", CLIENT, "allowed"),
    "beyond the range": to_web(
        "ingress: [{ports: [{port: 8000, endPort: 8079}]}]", CLIENT, "denied", "8000-8079/TCP"
    ),
    "before the range": to_web("ingress: [{ports: [{port: 8081, endPort: 9000}]}]", CLIENT, "denied"),
    "by name": to_web("ingress: [{ports: [{port: http}]}]", CLIENT, "allowed"),
    "by a name that two containers have": to_web(
        "ingress: [{ports: [{port: http}]}]", CLIENT, "allowed", "", "8081"
    ),
    "by name, of a sidecar": to_web("ingress: [{ports: [{port: metrics}]}]", CLIENT, "allowed", "", "9100"),
    "by name, of a container that has ended": to_web(
        "ingress: [{ports: [{port: before}]}]", CLIENT, "denied", "", "9200"
    ),
    "by name, another number": to_web(
        "ingress: [{ports: [{port: http}]}]", CLIENT, "denied", "which is 8080/8081 on web", "9999"
    ),
    "by name, another protocol": to_web(
        "ingress: [{ports: [{port: dns}]}]", CLIENT, "denied", "which is nothing on web", "5353"
    ),
    "by name, its protocol": to_web(
        "ingress: [{ports: [{port: dns, protocol: UDP}]}]", CLIENT, "allowed", "", "5353/UDP"
    ),
    "peer and port in one rule": to_web(
        "ingress: [{from: [{podSelector: {}}], ports: [{port: 80}]}]", CLIENT, "denied"
    ),
    "peer and port in two rules": to_web(
        "ingress: [{from: [{podSelector: {matchLabels: {app: db}}}]}, {ports: [{port: 8080}]}]",
        CLIENT,
        "allowed",
        "spec.ingress[1]",
    ),
    # faces
    "itself": Case(("podSelector: {}\npolicyTypes: [Ingress, Egress]",), WEB, WEB, "allowed", "from itself"),
    "itself, by way of another node": Case(
        ("podSelector: {}",), WEB, WEB, "denied", "it has no rules", "8080", (NODE2,)
    ),
    "masqueraded to another node's address": to_web(
        "ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}]", OUTSIDE, "denied", "", "8080", NODE2
    ),
    "maybe masqueraded, and it matters": to_web(
        "ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}]",
        OUTSIDE,
        "unknown",
        "seen as 203.0.113.9 it is allowed, seen as node n2 it is denied",
        "8080",
        OUTSIDE,
        NODE2,
    ),
    "maybe masqueraded, and it does not matter": to_web("", OUTSIDE, "denied", "", "8080", OUTSIDE, NODE2),
    "maybe masqueraded by its own node": to_web("", OUTSIDE, "unknown", "", "8080", OUTSIDE, NODE1),
}

EGRESS = {
    "no policy": Case((), CLIENT, WEB, "allowed", "for egress"),
    "an ingress policy": Case(("podSelector: {}",), CLIENT, OUTSIDE, "allowed"),
    "deny all": of_client("", WEB, "denied", "it has no rules, and policyTypes names Egress"),
    "egress [{}]": of_client("egress: [{}]", OUTSIDE, "allowed"),
    "to a pod": of_client("egress: [{to: [{podSelector: {matchLabels: {app: web}}}]}]", WEB, "allowed"),
    "to another pod": of_client("egress: [{to: [{podSelector: {matchLabels: {app: web}}}]}]", DB, "denied"),
    "to a stranger": of_client("egress: [{to: [{ipBlock: {cidr: 203.0.113.9/32}}]}]", OUTSIDE, "allowed"),
    "to a stranger, by selectors": of_client("egress: [{to: [{namespaceSelector: {}}]}]", OUTSIDE, "denied"),
    "to a pod, by ipBlock": of_client("egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]", WEB, "unknown"),
    "a name is looked up on the pod that is called": of_client(
        "egress: [{ports: [{port: http}]}]", DB, "allowed", "", "5432"
    ),
    "a name that means another number there": of_client(
        "egress: [{ports: [{port: http}]}]", DB, "denied", "which is 5432 on db"
    ),
    "a name where no pod is called": of_client(
        "egress: [{ports: [{port: http}]}]", OUTSIDE, "denied", "no pod is called"
    ),
    "its own node": of_client("", NODE1, "unknown", "its own node"),
    "its own node, allowed": of_client("egress: [{}]", NODE1, "allowed"),
    "another node": of_client("", NODE2, "denied"),
    "another node by ipBlock": of_client(
        "egress: [{to: [{ipBlock: {cidr: 192.0.2.2/32}}]}]", NODE2, "allowed"
    ),
    "egress rules without types": Case(
        ("podSelector: {matchLabels: {app: client}}\negress: [{ports: [{port: 53, protocol: UDP}]}]",),
        CLIENT,
        WEB,
        "denied",
    ),
    "egress [] without types": Case(("podSelector: {}\negress: []",), CLIENT, WEB, "allowed"),
    "of a hostNetwork pod": Case(
        ("podSelector: {}\npolicyTypes: [Egress]",), AGENT, WEB, "unknown", "host network"
    ),
}


@pytest.mark.parametrize("name", INGRESS)
def test_ingress(name: str) -> None:
    check(INGRESS[name], "Ingress")


@pytest.mark.parametrize("name", EGRESS)
def test_egress(name: str) -> None:
    check(EGRESS[name], "Egress")


def check(case: Case, direction: str) -> None:
    found = judged(world(*case.policies), case.source, case.destination, case.port, *case.faces)
    (verdict,) = [each for each in found if each.direction == direction]
    told = f"{verdict.because}\n" + "\n".join(f"{miss.field}: {miss.why}" for miss in verdict.misses)
    assert verdict.answer == case.answer, told
    assert case.says in told
    if verdict.answer == "denied":
        assert verdict.policies and verdict.misses  # who, and why not
        assert {miss.policy for miss in verdict.misses} == set(verdict.policies)
    if verdict.answer == "allowed":
        assert not verdict.misses


def test_only_ends_that_are_pods_are_asked() -> None:
    snapshot = world("podSelector: {}\npolicyTypes: [Ingress, Egress]")
    directions = [[each.direction for each in judged(snapshot, *ends, "80")] for ends in ENDS]
    assert directions == [["Egress", "Ingress"], ["Egress"], ["Ingress"], []]


ENDS = [(CLIENT, WEB), (CLIENT, OUTSIDE), (NODE2, WEB), (NODE2, OUTSIDE)]


@pytest.mark.parametrize(
    ("spec", "types"),
    [
        ("podSelector: {}", ("Ingress",)),
        ("podSelector: {}\negress: []", ("Ingress",)),
        ("podSelector: {}\negress: [{}]", ("Ingress", "Egress")),
        ("podSelector: {}\npolicyTypes: []\negress: [{}]", ("Ingress", "Egress")),
        ("podSelector: {}\npolicyTypes: [Egress]", ("Egress",)),
    ],
)
def test_policy_types_that_are_not_written(spec: str, types: tuple[str, ...]) -> None:
    policy: Any = world(spec).of("NetworkPolicy")[Key("shop", "p0")]
    assert types_of(policy) == types


ALLOWS_WEB = "podSelector: {}\ningress: [{from: [{podSelector: {matchLabels: {app: client}}}]}]"


@pytest.mark.parametrize(
    ("coverage", "source", "answer"),
    [
        (Coverage("denied", "forbidden"), LAB_CLIENT, "unknown"),
        (Coverage("loading"), LAB_CLIENT, "unknown"),
        (Coverage("given", namespaces=("lab",)), LAB_CLIENT, "unknown"),
        (Coverage("given", namespaces=("shop",)), LAB_CLIENT, "denied"),
        (Coverage("loading"), CLIENT, "allowed"),  # whatever else is there can only allow more
    ],
)
def test_policies_that_nobody_could_read_may_allow_more(coverage: Coverage, source: str, answer: str) -> None:
    snapshot = world(ALLOWS_WEB)
    snapshot = replace(snapshot, coverage={**snapshot.coverage, "NetworkPolicy": coverage})
    assert [each.answer for each in judged(snapshot, source, WEB, "8080")][-1] == answer


def test_no_policy_in_sight_and_nobody_could_look_is_not_allowed() -> None:
    snapshot = world()
    snapshot = replace(snapshot, coverage={**snapshot.coverage, "NetworkPolicy": Coverage("denied")})
    egress, ingress = judged(snapshot, CLIENT, WEB, "8080")
    assert (egress.answer, ingress.answer) == ("unknown", "unknown")
    assert (ingress.policies, ingress.because) == ((), "the NetworkPolicies of shop are not known (denied)")


def test_an_address_may_be_a_pods_while_not_all_pods_are_known() -> None:
    snapshot = world(ALLOWS_WEB)
    partly = replace(snapshot, coverage={**snapshot.coverage, "Pod": Coverage("given", namespaces=("shop",))})
    assert judged(snapshot, OUTSIDE, WEB, "8080")[0].answer == "denied"
    assert judged(partly, OUTSIDE, WEB, "8080")[0].answer == "unknown"


def test_whose_an_address_is() -> None:
    snapshot = world()
    assert party_at(snapshot, "10.1.1.3").pod == Key("shop", "client")  # not the finished pod's
    assert party_at(snapshot, NODE2) == Party(None, "n2", (NODE2,))  # not the hostNetwork pod's
    assert party_at(snapshot, OUTSIDE) == Party(None, "", (OUTSIDE,))


@pytest.mark.parametrize(
    ("operator", "values", "labels", "answer"),
    [
        ("In", ("a", "b"), {"k": "a"}, True),
        ("In", ("a", "b"), {"k": "c"}, False),
        ("In", ("a",), {}, False),
        ("NotIn", ("a",), {"k": "a"}, False),
        ("NotIn", ("a",), {"k": "b"}, True),
        ("NotIn", ("a",), {}, True),
        ("Exists", (), {"k": ""}, True),
        ("Exists", (), {}, False),
        ("DoesNotExist", (), {"k": ""}, False),
        ("DoesNotExist", (), {}, True),
        ("Gt", ("1",), {"k": "2"}, None),
    ],
)
def test_expressions(
    operator: str, values: tuple[str, ...], labels: dict[str, str], answer: bool | None
) -> None:
    requirement = LabelSelectorRequirement("k", operator, values)
    assert matches(LabelSelector(match_expressions=(requirement,)), labels) is answer
    assert matches(LabelSelector({"other": "1"}, (requirement,)), labels) is False  # all of it must hold


def test_selectors_in_words() -> None:
    expressions = (
        LabelSelectorRequirement("tier", "In", ("a", "b")),
        LabelSelectorRequirement("old", "DoesNotExist"),
        LabelSelectorRequirement("new", "Exists"),
    )
    assert selector_text(LabelSelector({"app": "web"}, expressions)) == "app=web,tier in (a,b),!old,new"
    assert selector_text(LabelSelector()) == ""
