"""A route may not refer to a Service of another namespace

What it finds: a backend in another namespace that no ReferenceGrant of that namespace allows.

Why it matters: the gateway treats the backend as invalid and answers 500 for its share of the requests.

How to fix: create a ReferenceGrant in the Service's namespace, from the route's kind and namespace to the
Service; or move the route.

Source: gateway-api ReferenceGrant; HTTPRoute ResolvedRefs, reason RefNotPermitted.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity, Unknown
from kinspect.model.gateway import Route
from kinspect.model.kinds import ROUTE_KINDS
from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.grants import granted
from kinspect.resolve.routes import route_backends

CODE = "GWY103"
SEVERITY: Severity = "error"
SUBJECTS = ROUTE_KINDS
NEEDS = ()
CONSULTS = ("ReferenceGrant",)
EVERYWHERE = ("ReferenceGrant",)

HEALTHY = """\
kind: HTTPRoute
apiVersion: gateway.networking.k8s.io/v1
metadata: {name: shop, namespace: edge}
spec: {parentRefs: [{name: public}], rules: [{backendRefs: [{name: web, namespace: shop, port: 80}]}]}
---
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, clusterIP: 10.96.0.20, ports: [{port: 80}]}
---
kind: ReferenceGrant
apiVersion: gateway.networking.k8s.io/v1
metadata: {name: from-edge, namespace: shop}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: edge}]
  to: [{group: "", kind: Service}]
"""
BROKEN = HEALTHY.replace("kind: HTTPRoute, namespace: edge}", "kind: GRPCRoute, namespace: edge}")


def applies(route: Route) -> bool:
    return any(service.namespace != route.namespace for _, _, service in route_backends(route))


def check(route: Route, snapshot: Snapshot) -> Iterator[Finding | Unknown]:
    ref = Ref(type(route).__name__, route.namespace, route.name)
    for field, _, service in route_backends(route):
        if granted(snapshot, ref, service):
            continue
        if not snapshot.covers("ReferenceGrant", service.namespace):
            yield Unknown(CODE, ref, f"referencegrants of namespace {service.namespace} are not known")
            continue
        yield Finding(
            CODE,
            SEVERITY,
            ref,
            f"no ReferenceGrant in namespace {service.namespace} lets it use Service {service.name} there",
            field=f"{field}.namespace",
            expected=f"a ReferenceGrant from {ref.kind} of {ref.namespace} to Service {service.name}",
            seen="none",
            fix=f"create a ReferenceGrant in namespace {service.namespace}",
            reproduce=("kubectl", "-n", service.namespace, "get", "referencegrants", "-o", "yaml"),
        )
