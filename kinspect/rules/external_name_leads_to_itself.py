"""An ExternalName Service leads to itself

What it finds: a Service of type ExternalName whose `spec.externalName` is its own cluster name, or that of
another one that leads back to it.

Why it matters: its CNAME record leads to itself. Resolvers follow it until they give up, and answer nothing.

How to fix: name what the Service shall stand for; often another namespace was meant.

Source: DNS specification §2.5; RFC 1034 §3.6.2 (a CNAME loop is an error).
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity, Unknown
from kinspect.model.meta import Key
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.names import DEFAULT_ZONE
from kinspect.rules._words import get, service_ref

CODE = "SVC104"
SEVERITY: Severity = "error"
SUBJECTS = ("Service",)
NEEDS = ()
EVERYWHERE = ("Service",)

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: db, namespace: shop}
spec: {type: ExternalName, externalName: db.storage.svc.cluster.local}
"""
BROKEN = """\
kind: Service
apiVersion: v1
metadata: {name: db, namespace: shop}
spec: {type: ExternalName, externalName: db.storage.svc.cluster.local}
---
kind: Service
apiVersion: v1
metadata: {name: db, namespace: storage}
spec: {type: ExternalName, externalName: db.shop.svc.cluster.local.}
"""


def applies(service: Service) -> bool:
    return service.spec.type == "ExternalName"


def check(service: Service, snapshot: Snapshot) -> Iterator[Finding | Unknown]:
    way, named, zone = [service.key], *_named(service)
    while named is not None and zone == DEFAULT_ZONE and named not in way:
        way.append(named)
        following = snapshot.services.get(named)
        if following is None and not snapshot.covers("Service", named.namespace):
            reason = (
                f"whether Service {named.namespace}/{named.name}, which it leads to, leads back is not known"
            )
            yield Unknown(CODE, service_ref(service), reason)
        named, zone = _named(following) if following is not None and applies(following) else (None, "")
    if named != service.key:
        return  # it ends, or in a circle that others are in
    if zone != DEFAULT_ZONE:
        # The same name in a cluster set (clusterset.local), say, is another thing and quite usual.
        yield Unknown(CODE, service_ref(service), f"whether {zone} is this cluster's own domain is not known")
        return
    target = service.spec.external_name.rstrip(".").lower()
    over = ", ".join(f"{each.namespace}/{each.name}" for each in way[1:])
    yield Finding(
        CODE,
        SEVERITY,
        service_ref(service),
        f"it leads back to itself over Service {over}, so its name never resolves"
        if over
        else f"its external name {target} is its own name, so it never resolves",
        field="spec.externalName",
        expected="the name of something else",
        seen=target,
        fix="name the Service or host that is meant",
        reproduce=get("service", service),
    )


def _named(service: Service) -> tuple[Key | None, str]:
    """The Service whose cluster name the external name would be, and in which domain; None = no such name."""
    name, _, rest = service.spec.external_name.rstrip(".").lower().partition(".")
    namespace, _, rest = rest.partition(".")
    svc, _, zone = rest.partition(".")
    return (Key(namespace, name), zone) if svc == "svc" and zone else (None, "")
