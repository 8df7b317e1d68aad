"""No endpoint is ready

What it finds: a Service whose endpoints are all unready, or whose selected pods cannot be endpoints at all
because they have no address yet or have finished.

Why it matters: proxies use ready endpoints only, so connections to the cluster IP are refused at once, and a
headless name does not resolve.

How to fix: the finding quotes from the pods why they are not ready: an image that cannot be pulled, a crash
loop, a readiness probe that fails, no node with room. Mend that.

Source: discovery/v1 EndpointConditions; endpointslice podToEndpoint, ShouldPodBeInEndpoints.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity, Unknown
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.applied import has_status
from kinspect.resolve.backends import Behind
from kinspect.resolve.membership import listable
from kinspect.resolve.service_class import has_slices
from kinspect.rules._words import first, get_pods, get_slices, reasons, reasons_of, service_ref, some

CODE = "EPS101"
SEVERITY: Severity = "error"
SUBJECTS = ("Service",)
LOOKS_BEHIND = True
NEEDS = ("EndpointSlice",)
CONSULTS = ("Pod",)

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
- addresses: [10.244.1.5]
  conditions: {ready: true, serving: true, terminating: false}
  targetRef: {kind: Pod, namespace: shop, name: web-1}
---
kind: Pod
apiVersion: v1
metadata: {name: web-1, namespace: shop, labels: {app: web}}
spec: {containers: [{name: app, readinessProbe: {httpGet: {path: /healthz, port: 8080}}}]}
status:
  podIP: 10.244.1.5
  conditions: [{type: Ready, status: "True"}]
  containerStatuses: [{name: app, ready: true, state: {running: {}}}]
"""
BROKEN = (
    HEALTHY.replace("ready: true, serving: true", "ready: false, serving: false")
    .replace('status: "True"', 'status: "False"')
    .replace("ready: true, state: {running: {}}", "state: {waiting: {reason: CrashLoopBackOff}}")
)


applies = has_slices


def check(found: Behind, snapshot: Snapshot) -> Iterator[Finding | Unknown]:
    service = found.service
    endpoints = found.reachable
    if not endpoints:
        yield from _no_pod_can_be_listed(service, snapshot, found)
    elif not any(each.usable for each in endpoints):
        why = reasons_of(snapshot, endpoints)
        several = len(endpoints) > 1
        none = f"none of its {len(endpoints)} endpoints is" if several else "its only endpoint is not"
        yield Finding(
            CODE,
            SEVERITY,
            service_ref(service),
            f"{none} ready" + (f": {why}" if why else ""),
            field="EndpointSlice endpoints[].conditions.ready",
            expected="at least one ready endpoint",
            seen=f"not ready: {first(endpoints)}",
            fix="mend what keeps the pods from being ready" if why else "mend what the addresses stand for",
            reproduce=get_slices(service),
        )


def _no_pod_can_be_listed(service: Service, snapshot: Snapshot, found: Behind) -> Iterator[Finding | Unknown]:
    """Slices are empty, and rightly so: there are pods, but none of them can be an endpoint or is ready."""
    pods = found.pods.values()
    if not pods or not snapshot.covers("Pod", service.namespace):
        return
    if any(listable(pod) and pod.ready and not pod.terminating for pod in pods):
        return
    if not any(has_status(pod) for pod in pods):
        yield Unknown(CODE, service_ref(service), "the pods that it selects are given without a status")
        return
    several = len(pods) > 1
    none = (
        f"none of the {len(pods)} pods that it selects is"
        if several
        else "the only pod that it selects is not"
    )
    yield Finding(
        CODE,
        SEVERITY,
        service_ref(service),
        f"{none} ready: {reasons(pods)}",
        field="Pod status",
        expected="at least one ready pod",
        seen=f"not ready: {some(pod.name for pod in pods)}",
        fix="start pods that keep running: these have finished"
        if all(pod.terminal for pod in pods)
        else "mend what keeps the pods from being ready",
        reproduce=get_pods(service),
    )
