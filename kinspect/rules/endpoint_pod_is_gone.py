"""An endpoint's pod is gone

What it finds: a usable endpoint of a Service whose `targetRef` names a Pod that does not exist, or that has
been replaced by another of the same name.

Why it matters: proxies keep sending connections to the old address, where nothing answers, or meanwhile
something else. Right after a pod has gone it is normal for an instant.

How to fix: if it stays, the slice's writer is at fault: kube-controller-manager, or whoever wrote it by hand.

Source: discovery/v1 Endpoint.targetRef; endpointslice reconciler.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.endpointslice import Endpoint, EndpointSlice
from kinspect.model.finding import Finding, Severity
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import Behind
from kinspect.resolve.service_class import has_slices
from kinspect.rules._words import get_slices, service_ref, some

CODE = "EPS112"
SEVERITY: Severity = "warning"
SUBJECTS = ("Service",)
LOOKS_BEHIND = True
NEEDS = ("EndpointSlice", "Pod")

HEALTHY = """\
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
endpoints:
- {addresses: [10.244.1.5], targetRef: {kind: Pod, namespace: shop, name: web-1, uid: 0b1e-1}}
- {addresses: [10.244.1.6], targetRef: {kind: Pod, namespace: shop, name: web-2, uid: 0b1e-2}}
---
kind: Pod
apiVersion: v1
metadata: {name: web-1, namespace: shop, uid: 0b1e-1, labels: {app: web}}
status: {podIP: 10.244.1.5, conditions: [{type: Ready, status: "True"}]}
---
kind: Pod
apiVersion: v1
metadata: {name: web-2, namespace: shop, uid: 0b1e-2, labels: {app: web}}
status: {podIP: 10.244.1.6, conditions: [{type: Ready, status: "True"}]}
"""
BROKEN = HEALTHY.rpartition("---\n")[0]


applies = has_slices


def check(found: Behind, snapshot: Snapshot) -> Iterator[Finding]:
    service = found.service
    gone = dict.fromkeys(
        f"{endpoint.target_ref.name} ({endpoint.address})"
        for slice_, endpoint, pod in found.entries
        if pod is None and endpoint.target_ref and _was_pod(snapshot, slice_, endpoint)
    )
    if gone:
        verb = "its pod is" if len(gone) == 1 else "their pods are"
        yield Finding(
            CODE,
            SEVERITY,
            service_ref(service),
            f"{len(gone)} usable endpoint{'' if len(gone) == 1 else 's'} though {verb} gone: {some(gone)}",
            field="EndpointSlice endpoints[].targetRef",
            expected="pods that exist, with the same uid",
            seen=some(gone),
            fix="if it stays, see that kube-controller-manager runs; correct slices that are written by hand",
            reproduce=get_slices(service),
        )


def _was_pod(snapshot: Snapshot, slice_: EndpointSlice, endpoint: Endpoint) -> bool:
    """Whether a usable endpoint names a pod, in a namespace whose pods are known."""
    target = endpoint.target_ref
    usable = endpoint.ready or (endpoint.serving and endpoint.terminating)
    if target is None or target.kind != "Pod" or not target.name or not usable:
        return False
    return snapshot.covers("Pod", target.namespace or slice_.namespace)
