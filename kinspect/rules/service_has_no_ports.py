"""A Service with a cluster IP has no ports

What it finds: a Service that is neither headless nor an ExternalName, with an empty `spec.ports`.

Why it matters: proxies make rules per port. Nothing is ever forwarded, and the API server refuses it.

How to fix: add at least one entry to `spec.ports`, or make the Service headless with `clusterIP: None`.

Source: core/v1 ServiceSpec.ports; apiserver validation of Services.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.service_class import has_virtual_ip
from kinspect.rules._words import get, service_ref

CODE = "SVC102"
SEVERITY: Severity = "error"
SUBJECTS = ("Service",)
NEEDS = ()

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""
BROKEN = """\
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}}
"""

applies = has_virtual_ip


def check(service: Service, _snapshot: Snapshot) -> Iterator[Finding]:
    if not service.spec.ports:
        yield Finding(
            CODE,
            SEVERITY,
            service_ref(service),
            "it has no ports, so nothing is forwarded",
            field="spec.ports",
            expected="at least one port",
            seen="none",
            fix="add a port, or set clusterIP: None if clients shall find the pods by DNS alone",
            reproduce=get("service", service),
        )
