"""Under internalTrafficPolicy Local some clients get no answer

What it finds: a Service with `internalTrafficPolicy: Local`, and the nodes without a usable endpoint of it
where pods with addresses of their own run: its possible clients.

Why it matters: connections of these pods to the cluster IP are dropped without an answer. There is no falling
back to endpoints of other nodes.

How to fix: run an endpoint on every node that has clients, usually by a DaemonSet, or use policy Cluster; to
merely prefer near endpoints, use `trafficDistribution: PreferSameNode`.

Source: KEP-2086; kube-proxy topology.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.index import EMPTY
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import Behind
from kinspect.resolve.service_class import has_virtual_ip
from kinspect.resolve.traffic import is_local
from kinspect.rules._words import get_slices, service_ref, some

CODE = "TRF102"
SEVERITY: Severity = "warning"
SUBJECTS = ("Service",)
LOOKS_BEHIND = True
NEEDS = ("EndpointSlice", "Node", "Pod")
EVERYWHERE = ("Pod",)

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: cache, namespace: shop}
spec:
  selector: {app: cache}
  clusterIP: 10.96.0.20
  internalTrafficPolicy: Local
  ports: [{port: 80}]
---
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: {name: cache-x1, namespace: shop, labels: {kubernetes.io/service-name: cache}}
addressType: IPv4
ports: [{name: "", port: 80, protocol: TCP}]
endpoints:
- {addresses: [10.244.1.5], nodeName: node1, targetRef: {kind: Pod, namespace: shop, name: cache-1}}
---
kind: Pod
apiVersion: v1
metadata: {name: cache-1, namespace: shop, labels: {app: cache}}
spec: {nodeName: node1}
status: {podIP: 10.244.1.5, conditions: [{type: Ready, status: "True"}]}
---
kind: Pod
apiVersion: v1
metadata: {name: client, namespace: shop, labels: {app: client}}
spec: {nodeName: node1}
status: {podIP: 10.244.1.9, conditions: [{type: Ready, status: "True"}]}
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
BROKEN = HEALTHY.replace(
    "labels: {app: client}}\nspec: {nodeName: node1}", "labels: {app: client}}\nspec: {nodeName: node2}"
)


def applies(service: Service) -> bool:
    return is_local(service, "internal") and has_virtual_ip(service)


def check(found: Behind, snapshot: Snapshot) -> Iterator[Finding]:
    service = found.service
    answering = {each.node for each in found.reachable if each.usable and each.node}
    if not answering:
        return
    silent = sorted(
        key.name for key in snapshot.nodes if key.name not in answering and _has_clients(snapshot, key.name)
    )
    if silent:
        yield Finding(
            CODE,
            SEVERITY,
            service_ref(service),
            f"pods on {len(silent)} of {len(snapshot.nodes)} nodes get no answer from it: {some(silent)}",
            field="spec.internalTrafficPolicy",
            expected="an endpoint on every node that has pods",
            seen=f"Local, with endpoints on {some(sorted(answering))}",
            fix="run an endpoint on every node, or use internalTrafficPolicy: Cluster",
            reproduce=get_slices(service),
        )


def _has_clients(snapshot: Snapshot, node: str) -> bool:
    """Whether pods of the pod network run there."""
    keys = snapshot.index.pods_by_node.get(node, EMPTY)
    return any(not snapshot.pods[key].spec.host_network and not snapshot.pods[key].terminal for key in keys)
