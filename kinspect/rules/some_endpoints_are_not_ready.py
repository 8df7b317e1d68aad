"""Some endpoints are not ready

What it finds: a Service with ready endpoints and others that are not ready, though not being deleted.

Why it matters: requests go to the ready ones, so they arrive; but capacity is missing, and what keeps one pod
from being ready may reach the others. During a rollout it is normal for a while.

How to fix: the finding quotes from the pods why they are not ready.

Source: discovery/v1 EndpointConditions.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import Behind
from kinspect.resolve.service_class import has_slices
from kinspect.rules._words import first, get_slices, reasons_of, service_ref

CODE = "EPS102"
SEVERITY: Severity = "warning"
SUBJECTS = ("Service",)
LOOKS_BEHIND = True
NEEDS = ("EndpointSlice",)
CONSULTS = ("Pod",)  # to name the endpoints

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
- {addresses: [10.244.1.5], conditions: {ready: true}}
- {addresses: [10.244.2.5], conditions: {ready: true, serving: true}}
- {addresses: [10.244.2.6], conditions: {ready: false, serving: false, terminating: true}}
"""
BROKEN = HEALTHY.replace("ready: true, serving: true", "ready: false, serving: false")


applies = has_slices


def check(found: Behind, snapshot: Snapshot) -> Iterator[Finding]:
    service = found.service
    endpoints = found.reachable
    unready = [each for each in endpoints if not each.ready and not each.terminating]
    if not unready or not any(each.ready for each in endpoints):
        return
    why = reasons_of(snapshot, unready)
    verb = "is" if len(unready) == 1 else "are"
    yield Finding(
        CODE,
        SEVERITY,
        service_ref(service),
        f"{len(unready)} of {len(endpoints)} endpoints {verb} not ready: {why or first(unready)}",
        field="EndpointSlice endpoints[].conditions.ready",
        expected="all endpoints ready",
        seen=f"not ready: {first(unready)}",
        fix="mend what keeps these endpoints from being ready",
        reproduce=get_slices(service),
    )
