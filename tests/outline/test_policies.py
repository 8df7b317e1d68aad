"""Who may reach the pods of a Service, as its details say it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kinspect.model.coverage import Coverage
from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot
from kinspect.outline.details import details
from kinspect.sources.manifests import read_manifests

WORLD = b"""\
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: shop, labels: {app: web, open: "no"}}
spec: {nodeName: n1, containers: [{name: one}]}
status: {podIP: 10.1.1.2}
---
apiVersion: v1
kind: Pod
metadata: {name: web-2, namespace: shop, labels: {app: web}}
spec: {nodeName: n1, containers: [{name: one}]}
status: {podIP: 10.1.1.3}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: shop, labels: {open: "no"}}
spec: {nodeName: n1, hostNetwork: true, containers: [{name: one}]}
status: {podIP: 192.0.2.1}
---
apiVersion: v1
kind: Pod
metadata:
  name: calico-node-x
  namespace: kube-system
  ownerReferences: [{apiVersion: apps/v1, kind: DaemonSet, name: calico-node, uid: "1"}]
spec: {nodeName: n1, hostNetwork: true, containers: [{name: one}]}
status: {podIP: 192.0.2.1, conditions: [{type: Ready, status: "True"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {open: "no"}}
  policyTypes: [Ingress, Egress]
  ingress:
  - from: [{podSelector: {matchLabels: {app: client}}}, {namespaceSelector: {}}]
    ports: [{port: http}, {port: 8000, endPort: 8080}, {protocol: UDP}]
  - from: [{ipBlock: {cidr: 203.0.113.0/24, except: [203.0.113.9/32]}}]
  - {}
"""

INGRESS = [
    "pods with app=client in namespace shop or all pods of any namespace, on http/TCP, 8000-8080/TCP, UDP",
    "addresses in 203.0.113.0/24 except 203.0.113.9/32",
    "everybody",
]


@pytest.fixture(scope="module")
def world() -> Snapshot:
    return read_manifests(["-"], WORLD)


def lines(snapshot: Snapshot, ref: Ref, title: str) -> list[str]:
    found = [section for section in details(snapshot, ref) if section.title.startswith(title)]
    return [": ".join(span.text for span in line) for section in found for line in section.lines]


def test_of_a_service(world: Snapshot) -> None:
    told = lines(world, Ref("Service", "shop", "web"), "Who may reach its pods")
    some = [f"web (1 of 2 pods): {text}" for text in INGRESS]
    assert told == [*some, "1 of 2 pods: everybody: no policy selects them"]


def test_of_a_pod_that_is_isolated(world: Snapshot) -> None:
    pod = Ref("Pod", "shop", "web-1")
    enforced = "enforced by: Calico"
    assert lines(world, pod, "Who may reach it") == [*(f"web: {text}" for text in INGRESS), enforced]
    assert lines(world, pod, "Whom it may reach") == ["web: nobody: it has no rules", enforced]


def test_of_pods_that_are_not_and_of_one_on_the_host_network(world: Snapshot) -> None:
    assert lines(world, Ref("Pod", "shop", "web-2"), "Who") == []
    assert "host network" in lines(world, Ref("Pod", "shop", "agent"), "Who may reach it")[-1]


def test_nobody_is_known_to_enforce_it(world: Snapshot) -> None:
    alone = read_manifests(["-"], WORLD.replace(b"calico-node", b"some-agent"))
    assert (
        lines(alone, Ref("Pod", "shop", "web-1"), "Who may")[-1] == "enforced by: nothing that is known here"
    )


@pytest.mark.parametrize(
    ("state", "said"),
    [("denied", ["the NetworkPolicies of shop are not known: denied"]), ("not given", []), ("absent", [])],
)
def test_policies_that_could_not_be_read(world: Snapshot, state: str, said: list[str]) -> None:
    coverage = {**world.coverage, "NetworkPolicy": Coverage(state)}  # type: ignore[arg-type]
    assert lines(replace(world, coverage=coverage), Ref("Pod", "shop", "web-2"), "Who may reach it") == said
