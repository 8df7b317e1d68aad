"""No controller has looked at a route

What it finds: a route that attaches to something, and in whose `status.parents` no controller has reported.

Why it matters: nobody serves it. The gateway that it names does not exist, or its class has no controller.

How to fix: check `spec.parentRefs`, and that the Gateway's class has a controller that runs.

Source: gateway-api RouteStatus ("an empty list means the route has not been attached to any Gateway").
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.gateway import Route
from kinspect.model.kinds import KINDS, ROUTE_KINDS
from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.applied import applied
from kinspect.rules._words import get, some

CODE = "GWY105"
SEVERITY: Severity = "warning"
SUBJECTS = ROUTE_KINDS
NEEDS = ()

HEALTHY = """\
kind: HTTPRoute
apiVersion: gateway.networking.k8s.io/v1
metadata: {name: shop, namespace: shop, uid: 5ca1ab1e}
spec: {parentRefs: [{name: public}]}
status: {parents: [{parentRef: {name: public}, controllerName: example.com/gateway}]}
"""
BROKEN = HEALTHY.rpartition("status:")[0]


def applies(route: Route) -> bool:
    return applied(route) and bool(route.spec.parent_refs)


def check(route: Route, _snapshot: Snapshot) -> Iterator[Finding]:
    if route.status.parents:
        return
    ref = Ref(type(route).__name__, route.namespace, route.name)
    parents = some(f"{each.kind} {each.name}" for each in route.spec.parent_refs)
    yield Finding(
        CODE,
        SEVERITY,
        ref,
        f"no controller has looked at it; it attaches to {parents}",
        field="status.parents",
        expected="a report of the controller for each parent",
        seen="none",
        fix="check the parents' names, and that a controller for their class runs",
        reproduce=get(KINDS[ref.kind].plural, route),
    )
