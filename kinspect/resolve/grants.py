"""Whether a route may send traffic to a Service of another namespace.

Such a reference needs a ReferenceGrant in the *Service's* namespace that names the route's group, kind and
namespace, and the Service's kind, or the Service by name. Grants only add up; they have no status.
Source: gateway-api ReferenceGrant; GEP-709.
"""

from __future__ import annotations

from typing import cast

from kinspect.model.gateway import ReferenceGrant
from kinspect.model.meta import Key, Ref
from kinspect.model.snapshot import Snapshot

GROUP = "gateway.networking.k8s.io"


def granted(snapshot: Snapshot, route: Ref, service: Key) -> bool:
    """Whether the reference is allowed. Within one namespace it always is."""
    return route.namespace == service.namespace or any(
        _allows(cast(ReferenceGrant, each), route, service)
        for key, each in snapshot.of("ReferenceGrant").items()
        if key.namespace == service.namespace
    )


def _allows(grant: ReferenceGrant, route: Ref, service: Key) -> bool:
    comes = any(
        (each.group, each.kind, each.namespace) == (GROUP, route.kind, route.namespace)
        for each in grant.spec.from_
    )
    goes = any(
        (each.group, each.kind) == ("", "Service") and each.name in (None, "", service.name)
        for each in grant.spec.to
    )
    return comes and goes
