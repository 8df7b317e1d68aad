"""Unready endpoints get traffic

What it finds: a Service with a cluster IP and `spec.publishNotReadyAddresses`, among whose endpoints are pods
that are not ready.

Why it matters: the setting makes every endpoint ready in the slices. It is meant for headless Services, where
peers must find each other before they are ready; behind a cluster IP it sends requests to pods that cannot
answer yet or any more.

How to fix: remove the setting, or use a headless Service beside this one for finding peers.

Source: core/v1 ServiceSpec.publishNotReadyAddresses; endpointslice podToEndpoint.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import Behind
from kinspect.resolve.service_class import has_virtual_ip
from kinspect.rules._words import first, get_slices, reasons_of, service_ref

CODE = "EPS116"
SEVERITY: Severity = "warning"
SUBJECTS = ("Service",)
LOOKS_BEHIND = True
NEEDS = ("EndpointSlice",)
CONSULTS = ("Pod",)  # to name the endpoints

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, clusterIP: 10.96.0.20, publishNotReadyAddresses: true, ports: [{port: 80}]}
---
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: {name: web-x1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: "", port: 80, protocol: TCP}]
endpoints:
- {addresses: [10.244.1.5], conditions: {ready: true, serving: true}}
- {addresses: [10.244.1.6], conditions: {ready: true, serving: true}}
"""
BROKEN = HEALTHY.replace(
    "[10.244.1.6], conditions: {ready: true, serving: true}",
    "[10.244.1.6], conditions: {ready: true, serving: false}",
)


def applies(service: Service) -> bool:
    return service.spec.publish_not_ready_addresses and has_virtual_ip(service)


def check(found: Behind, snapshot: Snapshot) -> Iterator[Finding]:
    service = found.service
    unready = [each for each in found.reachable if each.ready and not each.serving]
    if unready:
        verb, why = "is" if len(unready) == 1 else "are", reasons_of(snapshot, unready)
        yield Finding(
            CODE,
            SEVERITY,
            service_ref(service),
            f"traffic goes to {first(unready)}, which {verb} not ready" + (f": {why}" if why else ""),
            field="spec.publishNotReadyAddresses",
            expected="false behind a cluster IP",
            seen="true",
            fix="remove publishNotReadyAddresses, or use it on a headless Service beside this one",
            reproduce=get_slices(service),
        )
