"""A route's backend names a Service that does not exist

What it finds: a backend of an HTTPRoute, GRPCRoute, TLSRoute or TCPRoute that names no Service.

Why it matters: the gateway answers 500 for the share of requests that this backend would get, or closes the
connection.

How to fix: correct the name or the namespace (none given means the route's own), or create the Service.

Source: gateway-api BackendObjectReference; HTTPRoute ResolvedRefs, reason BackendNotFound.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity, Unknown
from kinspect.model.gateway import Route
from kinspect.model.kinds import KINDS, ROUTE_KINDS
from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.routes import route_backends
from kinspect.rules._words import get

CODE = "GWY101"
SEVERITY: Severity = "error"
SUBJECTS = ROUTE_KINDS
NEEDS = ()
CONSULTS = ("Service",)

HEALTHY = """\
kind: HTTPRoute
apiVersion: gateway.networking.k8s.io/v1
metadata: {name: shop, namespace: shop}
spec: {parentRefs: [{name: public}], rules: [{backendRefs: [{name: web, port: 80}]}]}
---
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, clusterIP: 10.96.0.20, ports: [{port: 80}]}
"""
BROKEN = HEALTHY.replace("backendRefs: [{name: web,", "backendRefs: [{name: website,")


def check(route: Route, snapshot: Snapshot) -> Iterator[Finding | Unknown]:
    ref = Ref(type(route).__name__, route.namespace, route.name)
    for field, backend, service in route_backends(route):
        if service in snapshot.services:
            continue
        if not snapshot.covers("Service", service.namespace):
            yield Unknown(CODE, ref, f"services of namespace {service.namespace} are not known")
            continue
        yield Finding(
            CODE,
            SEVERITY,
            ref,
            f"its backend {backend.name} does not exist in namespace {service.namespace}",
            field=f"{field}.name",
            expected=f"a Service of namespace {service.namespace}",
            seen=backend.name,
            fix="correct name or namespace, or create the Service",
            reproduce=get(KINDS[ref.kind].plural, route),
        )
