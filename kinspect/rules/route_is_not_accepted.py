"""A gateway does not accept a route

What it finds: a route with a parent whose controller reports the condition `Accepted` as False, for the
route's present generation.

Why it matters: the route is not attached there, so its requests get 404 or reach another route.

How to fix: the condition's reason and message tell: the listener does not allow the route's namespace or kind
(NotAllowedByListeners), no hostname in common (NoMatchingListenerHostname), no such listener
(NoMatchingParent), or a value that the controller does not support.

Source: gateway-api RouteParentStatus; HTTPRoute condition Accepted.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.gateway import Route
from kinspect.model.kinds import KINDS, ROUTE_KINDS
from kinspect.model.meta import Ref, condition
from kinspect.model.snapshot import Snapshot
from kinspect.rules._words import get

CODE = "GWY104"
SEVERITY: Severity = "error"
SUBJECTS = ROUTE_KINDS
NEEDS = ()

HEALTHY = """\
kind: HTTPRoute
apiVersion: gateway.networking.k8s.io/v1
metadata: {name: shop, namespace: shop, generation: 2}
spec: {parentRefs: [{name: public}]}
status:
  parents:
  - parentRef: {name: public}
    controllerName: example.com/gateway
    conditions:
    - {type: ResolvedRefs, status: "True", observedGeneration: 2}
    - {type: Accepted, status: "True", reason: Accepted, observedGeneration: 2}
"""
BROKEN = HEALTHY.replace(
    'Accepted, status: "True", reason: Accepted', 'Accepted, status: "False", reason: NotAllowedByListeners'
)


def check(route: Route, _snapshot: Snapshot) -> Iterator[Finding]:
    for parent in route.status.parents:
        accepted = condition(parent.conditions, "Accepted")
        if accepted is None or accepted.status != "False":
            continue
        if accepted.observed_generation not in (None, route.metadata.generation):
            continue  # said of an earlier version of the route; the controller has not looked again yet
        ref = Ref(type(route).__name__, route.namespace, route.name)
        message = accepted.message.partition("\n")[0].rstrip(".")
        yield Finding(
            CODE,
            SEVERITY,
            ref,
            f"{parent.parent_ref.kind} {parent.parent_ref.name} does not accept it: "
            + (": ".join(filter(None, (accepted.reason, message))) or "no reason given"),
            field="status.parents[].conditions[Accepted]",
            expected="True",
            seen=f"False ({accepted.reason})",
            fix="follow the reason: allowed namespaces and kinds, hostnames, the listener's name",
            reproduce=get(KINDS[ref.kind].plural, route),
        )
