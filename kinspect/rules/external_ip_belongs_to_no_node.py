"""An external IP is no node's address

What it finds: an entry of `spec.externalIPs` that no Node lists among its addresses.

Why it matters: Kubernetes only translates what arrives at a node for this address; it brings nothing there.
If no node owns the address, something outside must route it to a node, or nobody ever reaches it.

How to fix: use an address of a node, or see to it that the network routes the address to one. Addresses that
a node has but does not report (a second interface) are fine.

Source: core/v1 ServiceSpec.externalIPs.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.rules._words import service_ref

CODE = "SVC108"
SEVERITY: Severity = "info"
SUBJECTS = ("Service",)
NEEDS = ("Node",)

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, clusterIP: 10.96.0.20, ports: [{port: 80}]}
---
kind: Node
apiVersion: v1
metadata: {name: node1}
status:
  addresses: [{type: InternalIP, address: 192.0.2.11}]
  conditions: [{type: Ready, status: "True"}]
"""
BROKEN = HEALTHY.replace("ports:", "externalIPs: [192.0.2.99], ports:")


def applies(service: Service) -> bool:
    return bool(service.spec.external_ips)


def check(service: Service, snapshot: Snapshot) -> Iterator[Finding]:
    for n, address in enumerate(service.spec.external_ips):
        if address not in snapshot.index.nodes_by_ip:
            yield Finding(
                CODE,
                SEVERITY,
                service_ref(service),
                f"no node reports the external IP {address}: something outside must route it to a node",
                field=f"spec.externalIPs[{n}]",
                expected="an address of a node, or one that is routed to a node",
                seen=address,
                fix="use a node's address, or check that the network brings this one to a node",
                reproduce=("kubectl", "get", "nodes", "-o", "wide"),
            )
