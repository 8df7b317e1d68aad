"""An ExternalName Service leads to itself

What it finds: a Service of type ExternalName whose `spec.externalName` is its own cluster name.

Why it matters: its CNAME record points at itself. Resolvers follow it until they give up, and answer nothing.

How to fix: name what the Service shall stand for; often another namespace was meant.

Source: DNS specification §2.5; RFC 1034 §3.6.2 (a CNAME loop is an error).
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity, Unknown
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.names import DEFAULT_ZONE
from kinspect.rules._words import get, service_ref

CODE = "SVC104"
SEVERITY: Severity = "error"
SUBJECTS = ("Service",)
NEEDS = ()

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: db, namespace: shop}
spec: {type: ExternalName, externalName: db.storage.svc.cluster.local}
"""
BROKEN = HEALTHY.replace("db.storage.svc", "db.shop.svc")


def applies(service: Service) -> bool:
    return service.spec.type == "ExternalName"


def check(service: Service, _snapshot: Snapshot) -> Iterator[Finding | Unknown]:
    target = service.spec.external_name.rstrip(".").lower()
    own = f"{service.name}.{service.namespace}.svc."
    if not target.startswith(own):
        return
    zone = target.removeprefix(own)
    if zone != DEFAULT_ZONE:
        # The same name in a cluster set (clusterset.local), say, is another thing and quite usual.
        yield Unknown(CODE, service_ref(service), f"whether {zone} is this cluster's own domain is not known")
        return
    yield Finding(
        CODE,
        SEVERITY,
        service_ref(service),
        f"its external name {target} is its own name, so it never resolves",
        field="spec.externalName",
        expected="the name of something else",
        seen=target,
        fix="name the Service or host that is meant",
        reproduce=get("service", service),
    )
