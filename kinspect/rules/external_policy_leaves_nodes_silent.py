"""Under externalTrafficPolicy Local some nodes do not answer

What it finds: a NodePort or LoadBalancer Service with `externalTrafficPolicy: Local`, and the nodes that have
no usable endpoint of it.

Why it matters: these nodes drop requests from outside without an answer. That is how the policy keeps the
client's address, and a balancer that asks the health check node port leaves them out. A client, a DNS record
or a balancer without health checks that uses them runs into timeouts.

How to fix: send traffic only to nodes that have an endpoint, run one on every node, or use policy Cluster.

Source: core/v1 ServiceSpec.externalTrafficPolicy; kube-proxy topology.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import Behind
from kinspect.resolve.traffic import is_local
from kinspect.rules._words import get_slices, service_ref, some

CODE = "TRF101"
SEVERITY: Severity = "info"
SUBJECTS = ("Service",)
LOOKS_BEHIND = True
NEEDS = ("EndpointSlice", "Node")

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop}
spec:
  type: NodePort
  selector: {app: web}
  clusterIP: 10.96.0.20
  externalTrafficPolicy: Local
  ports: [{port: 80, nodePort: 30080}]
---
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: {name: web-x1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: "", port: 80, protocol: TCP}]
endpoints:
- {addresses: [10.244.1.5], nodeName: node1}
- {addresses: [10.244.2.5], nodeName: node2}
---
kind: Node
apiVersion: v1
metadata: {name: node1}
status: {conditions: [{type: Ready, status: "True"}]}
---
kind: Node
apiVersion: v1
metadata: {name: node2}
status: {conditions: [{type: Ready, status: "True"}]}
"""
BROKEN = HEALTHY.replace("nodeName: node2", "nodeName: node1")


def applies(service: Service) -> bool:
    return service.spec.type in ("NodePort", "LoadBalancer") and is_local(service, "external")


def check(found: Behind, snapshot: Snapshot) -> Iterator[Finding]:
    service = found.service
    answering = {each.node for each in found.reachable if each.usable and each.node}
    silent = sorted(key.name for key in snapshot.nodes if key.name not in answering)
    if answering and silent:
        verb = "drops" if len(silent) == 1 else "drop"
        yield Finding(
            CODE,
            SEVERITY,
            service_ref(service),
            f"{len(silent)} of {len(snapshot.nodes)} nodes {verb} its traffic from outside: {some(silent)}",
            field="spec.externalTrafficPolicy",
            expected=f"requests from outside only at {some(sorted(answering))}",
            seen="Local",
            fix="send traffic to nodes with an endpoint only, or run one on every node",
            reproduce=get_slices(service),
        )
