"""A route's backend names a port that its Service does not have

What it finds: a backend of a route whose `port` is no port of the Service that it names, or is not given.

Why it matters: the gateway finds no endpoints for it and answers 500, or closes the connection. The port is
the *Service's*, and giving the container's is the usual slip.

How to fix: use the number of an entry of the Service's `spec.ports`.

Source: gateway-api BackendObjectReference.port (required for a Service).
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.gateway import Route
from kinspect.model.kinds import KINDS, ROUTE_KINDS
from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.ports import port_text, target_of
from kinspect.resolve.routes import route_backends
from kinspect.rules._words import get, some

CODE = "GWY102"
SEVERITY: Severity = "error"
SUBJECTS = ROUTE_KINDS
NEEDS = ()

HEALTHY = """\
kind: HTTPRoute
apiVersion: gateway.networking.k8s.io/v1
metadata: {name: shop, namespace: shop}
spec: {parentRefs: [{name: public}], rules: [{backendRefs: [{name: web, port: 80}]}]}
---
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, clusterIP: 10.96.0.20, ports: [{port: 80, targetPort: 8080}]}
"""
BROKEN = HEALTHY.replace("backendRefs: [{name: web, port: 80}]", "backendRefs: [{name: web, port: 8080}]")


def check(route: Route, snapshot: Snapshot) -> Iterator[Finding]:
    ref = Ref(type(route).__name__, route.namespace, route.name)
    for field, backend, key in route_backends(route):
        service = snapshot.services.get(key)
        if service is None or any(each.port == backend.port for each in service.spec.ports):
            continue  # a missing Service is GWY101's
        target = next((each for each in service.spec.ports if target_of(each) == backend.port), None)
        hint = f"; {backend.port} is the target port of {port_text(target)}" if target else ""
        yield Finding(
            CODE,
            SEVERITY,
            ref,
            f"its backend Service {key.name} has no port {backend.port or '(none given)'}{hint}",
            field=f"{field}.port",
            expected=f"a port of the Service: {some(map(port_text, service.spec.ports))}",
            seen=str(backend.port or "none"),
            fix=f"use {target.port}" if target else "use a port of the Service",
            reproduce=get(KINDS[ref.kind].plural, route),
        )
