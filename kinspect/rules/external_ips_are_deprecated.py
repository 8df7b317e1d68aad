"""A Service uses externalIPs

What it finds: entries in `spec.externalIPs`.

Why it matters: the field is deprecated since Kubernetes 1.36. It works today; kube-proxy is to stop obeying
it by default in 1.40 (gate `AllowServiceExternalIPs`), silently, and an admission plugin may forbid it
already.

How to fix: replace it by a Service of type LoadBalancer with a controller that serves fixed addresses.

Source: KEP-5707; CVE-2020-8554.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.rules._words import get, service_ref, some

CODE = "SVC107"
SEVERITY: Severity = "info"
SUBJECTS = ("Service",)
NEEDS = ()

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, clusterIP: 10.96.0.20, ports: [{port: 80}]}
"""
BROKEN = HEALTHY.replace("ports:", "externalIPs: [192.0.2.7], ports:")


def applies(service: Service) -> bool:
    return bool(service.spec.external_ips)


def check(service: Service, _snapshot: Snapshot) -> Iterator[Finding]:
    yield Finding(
        CODE,
        SEVERITY,
        service_ref(service),
        f"it listens on the external IPs {some(service.spec.external_ips)}, which is deprecated since 1.36",
        field="spec.externalIPs",
        expected="none",
        seen=some(service.spec.external_ips),
        fix="replace it by type LoadBalancer before kube-proxy stops obeying it (planned for 1.40)",
        reproduce=get("service", service),
    )
