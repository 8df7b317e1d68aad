"""Only terminating endpoints are left

What it finds: a Service without a ready endpoint, which lives on endpoints that are being deleted and still
answer.

Why it matters: proxies use them as a last resort. When the last of them ends its grace period, connections
are refused.

How to fix: start pods before the last ones end: more than one replica, a rollout with `maxUnavailable: 0`, a
PodDisruptionBudget.

Source: KEP-1669 (proxy terminating endpoints).
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import Behind
from kinspect.resolve.service_class import has_virtual_ip
from kinspect.rules._words import first, get_slices, service_ref

CODE = "TRF105"
SEVERITY: Severity = "warning"
SUBJECTS = ("Service",)
LOOKS_BEHIND = True
NEEDS = ("EndpointSlice",)
CONSULTS = ("Pod",)  # to name the endpoints

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, clusterIP: 10.96.0.20, ports: [{port: 80}]}
---
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: {name: web-x1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: "", port: 80, protocol: TCP}]
endpoints:
- {addresses: [10.244.1.5], conditions: {ready: false, serving: true, terminating: true}}
- {addresses: [10.244.2.5], conditions: {ready: true, serving: true, terminating: false}}
"""
BROKEN = HEALTHY.rpartition("- {addresses")[0]

applies = has_virtual_ip


def check(found: Behind, snapshot: Snapshot) -> Iterator[Finding]:
    service = found.service
    endpoints = found.reachable
    ending = [each for each in endpoints if each.fallback]
    if ending and not any(each.ready for each in endpoints):
        yield Finding(
            CODE,
            SEVERITY,
            service_ref(service),
            f"only terminating endpoints still answer: {first(ending)}",
            field="EndpointSlice endpoints[].conditions",
            expected="at least one ready endpoint",
            seen=f"{len(ending)} serving and terminating",
            fix="start new pods before the old ones end",
            reproduce=get_slices(service),
        )
