"""Rows of the tree that say more than they judge: what is being deleted, a port that no pod declares."""

from __future__ import annotations

import pytest

from kinspect.judge import judged
from kinspect.model.meta import Key, Ref
from kinspect.model.snapshot import Snapshot
from kinspect.outline.ports import PortRow
from kinspect.outline.services import NamespaceRow, ServiceRow
from kinspect.sources.manifests import read_manifests

WEB = """\
kind: Namespace
apiVersion: v1
metadata: {name: shop}
---
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, clusterIP: 10.96.0.20, ports: [{port: 80, targetPort: 8080}]}
---
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: {name: web-x1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: "", port: 8080, protocol: TCP}]
endpoints: [{addresses: [10.244.1.5], targetRef: {kind: Pod, namespace: shop, name: web-1}}]
---
kind: Pod
apiVersion: v1
metadata: {name: web-1, namespace: shop, labels: {app: web}}
spec: {containers: [{name: app, ports: [{containerPort: 8080}, {containerPort: 9090}]}]}
status: {podIP: 10.244.1.5, conditions: [{type: Ready, status: "True"}]}
"""
GOING = 'deletionTimestamp: "2026-01-01T00:00:00Z", '
REF = Ref("Service", "shop", "web")


def read(manifests: str) -> Snapshot:
    return judged(read_manifests(["-"], manifests.encode()))


def port_line(manifests: str) -> str:
    snapshot = read(manifests)
    row = PortRow(("svc", "port/0"), REF, snapshot.services[Key("shop", "web")].spec.ports[0])
    return row.line(snapshot).text


def test_what_is_being_deleted_says_so() -> None:
    snapshot = read(WEB)
    assert "being deleted" not in ServiceRow(("svc",), REF).line(snapshot).text
    assert "being deleted" not in NamespaceRow(("shop",), None).line(snapshot).text
    snapshot = read(
        WEB.replace("{name: shop}", f"{{{GOING}name: shop}}").replace("{name: web,", f"{{{GOING}name: web,")
    )
    assert "ClusterIP, being deleted" in ServiceRow(("svc",), REF).line(snapshot).text
    assert "being deleted" in NamespaceRow(("shop",), None).line(snapshot).text


def test_a_number_that_no_pod_declares_is_told_beside_those_that_they_do() -> None:
    assert "→ 8080  " in port_line(WEB)
    assert "→ 8081 (its pods declare 8080, 9090)  " in port_line(
        WEB.replace("targetPort: 8080", "targetPort: 8081")
    )


@pytest.mark.parametrize(
    "pods",
    ["[]", "[{containerPort: 8080}, {containerPort: 8081}]", "[{containerPort: 8080, protocol: UDP}]"],
)
def test_pods_that_declare_it_or_nothing_say_nothing_against_it(pods: str) -> None:
    text = WEB.replace("targetPort: 8080", "targetPort: 8081")
    declared = text.replace("[{containerPort: 8080}, {containerPort: 9090}]", pods)
    assert "→ 8081  " in port_line(declared)
