"""Session affinity is set where it means nothing

What it finds: a headless Service with `sessionAffinity: ClientIP`.

Why it matters: affinity is kept by the proxy that translates the cluster IP. A headless Service has none: its
clients dial the addresses that DNS gave them, as they please.

How to fix: remove the setting; if clients shall stay with one pod, use a Service with a cluster IP.

Source: core/v1 ServiceSpec.sessionAffinity; the API server's own warning on write.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.rules._words import get, service_ref

CODE = "SVC109"
SEVERITY: Severity = "info"
SUBJECTS = ("Service",)
NEEDS = ()

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: db, namespace: shop}
spec: {selector: {app: db}, clusterIP: None, sessionAffinity: None, ports: [{port: 5432}]}
"""
BROKEN = HEALTHY.replace("sessionAffinity: None", "sessionAffinity: ClientIP")


def applies(service: Service) -> bool:
    return service.headless


def check(service: Service, _snapshot: Snapshot) -> Iterator[Finding]:
    if service.spec.session_affinity == "ClientIP":
        yield Finding(
            CODE,
            SEVERITY,
            service_ref(service),
            "session affinity means nothing without a cluster IP: clients choose the pod themselves",
            field="spec.sessionAffinity",
            expected="None on a headless Service",
            seen="ClientIP",
            fix="remove sessionAffinity, or give the Service a cluster IP",
            reproduce=get("service", service),
        )
