"""A Service without endpoints is broken exactly once, by the rule that knows the reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kinspect.judge import judged
from kinspect.model.coverage import Coverage
from kinspect.model.finding import Finding
from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot
from kinspect.sources.manifests import read_manifests

SERVICE = """\
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop, uid: 5ca1ab1e}
spec: {SELECTOR clusterIP: 10.96.0.20, ports: [{port: 80}]}
---
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: {name: web-1, namespace: shop, labels: {LABELS}}
addressType: FAMILY
ports: PORTS
endpoints: ENDPOINTS
"""
POD = """\
---
kind: Pod
apiVersion: v1
metadata: {name: web-1, namespace: shop, labels: {app: web}}
spec: {}
status: {STATUS}
"""
READY = 'podIP: 10.244.1.5, conditions: [{type: Ready, status: "True"}]'
UNREADY = 'podIP: 10.244.1.5, conditions: [{type: Ready, status: "False", message: "not yet."}]'
PENDING = 'phase: Pending, conditions: [{type: PodScheduled, status: "False", message: "0/3 nodes fit."}]'
DONE = "phase: Succeeded, podIP: 10.244.1.5"
ONE = "[{addresses: [10.244.1.5]}]"


def world(
    *pods: str, endpoints: str = "null", selector: bool = True, family: str = "IPv4", joined: bool = True
) -> Snapshot:
    text = SERVICE.replace("SELECTOR", "selector: {app: web}," if selector else "")
    text = text.replace("LABELS", "kubernetes.io/service-name: web" if joined else "app: web")
    text = text.replace("FAMILY", family).replace("ENDPOINTS", endpoints)
    text = text.replace("PORTS", "null" if endpoints == "null" else "[{port: 80}]")
    for status in pods:
        text += POD.replace("STATUS", status)
    return read_manifests(["-"], text.encode())


def found(snapshot: Snapshot) -> list[Finding]:
    judgment = judged(snapshot).judgments[Ref("Service", "shop", "web")]
    return [each for each in judgment.findings if each.severity == "error"]


@pytest.mark.parametrize(
    ("snapshot", "code", "words"),
    [
        (
            world(PENDING),
            "EPS101",
            "the only pod that it selects is not ready: no node takes it: 0/3 nodes",
        ),
        (world(UNREADY), "EPS101", "is not ready: its condition Ready is not True: not yet"),
        (world(DONE), "EPS101", "is not ready: it has finished (Succeeded)"),
        (world(READY), "EPS103", "ready pods match its selector (1), but no EndpointSlice lists them"),
        (world(selector=False), "EPS103", "it has no selector"),
        (
            world(selector=False, endpoints=ONE, joined=False),
            "EPS103",
            "EndpointSlice web-1 has no such label",
        ),
        (world(selector=False, endpoints=ONE, family="IPv6"), "EPS103", "only IPv6 addresses"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_is_broken_once_by_the_rule_that_knows(snapshot: Snapshot, code: str, words: str) -> None:
    (only,) = found(snapshot)
    assert only.code == code
    assert words in only.message


def test_finished_pods_are_not_to_be_mended_but_replaced() -> None:
    (only,) = found(world(DONE))
    assert only.fix == "start pods that keep running: these have finished"
    (only,) = found(world(PENDING))
    assert only.fix == "mend what keeps the pods from being ready"


def test_without_pods_to_look_at_it_is_broken_all_the_same() -> None:
    seen = world()
    (only,) = found(replace(seen, coverage={**seen.coverage, "Pod": Coverage("denied")}))
    assert only.code == "EPS103"
    assert "why cannot be told without its pods" in only.message
