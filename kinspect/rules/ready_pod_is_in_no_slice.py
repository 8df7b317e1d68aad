"""A ready pod is in no slice

What it finds: pods that a Service selects, ready and with an address, which none of its EndpointSlices lists,
while it lists others.

Why it matters: these pods get no traffic. Right after a pod has become ready it is normal for an instant.

How to fix: if it stays, the EndpointSlice controller lags or does not run: look at kube-controller-manager.

Source: endpointslice reconciler.go, ShouldPodBeInEndpoints.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import Behind
from kinspect.resolve.membership import has_selector, listable
from kinspect.rules._words import count, get_slices, service_ref, some

CODE = "EPS104"
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
- {addresses: [10.244.1.5], targetRef: {kind: Pod, namespace: shop, name: web-1}}
- {addresses: [10.244.1.6], targetRef: {kind: Pod, namespace: shop, name: web-2}}
---
kind: Pod
apiVersion: v1
metadata: {name: web-1, namespace: shop, labels: {app: web}}
status: {podIP: 10.244.1.5, conditions: [{type: Ready, status: "True"}]}
---
kind: Pod
apiVersion: v1
metadata: {name: web-2, namespace: shop, labels: {app: web}}
status: {podIP: 10.244.1.6, conditions: [{type: Ready, status: "True"}]}
"""
BROKEN = HEALTHY.replace(
    "- {addresses: [10.244.1.6], targetRef: {kind: Pod, namespace: shop, name: web-2}}\n", ""
)

applies = has_selector


def check(found: Behind, snapshot: Snapshot) -> Iterator[Finding]:
    service = found.service
    if not found.endpoints:
        return  # EPS103 says it
    listed = {each.pod for each in found.endpoints}
    missing = [
        pod.name
        for key, pod in found.pods.items()
        if key not in listed and listable(pod) and pod.ready and not pod.terminating
    ]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        yield Finding(
            CODE,
            SEVERITY,
            service_ref(service),
            f"{count(len(missing), 'ready pod')} that it selects {verb} in no EndpointSlice: {some(missing)}",
            field="EndpointSlice endpoints",
            expected="every ready pod that the selector matches",
            seen=f"not listed: {some(missing)}",
            fix="if it stays, see that kube-controller-manager runs and keeps up",
            reproduce=get_slices(service),
        )
