"""A Service has no endpoints

What it finds: a Service for whose clients no EndpointSlice lists any address, though its pods do not explain
it: it has no selector and nobody has written slices, or ready pods match and no slice lists them, or all
listed addresses are of a family that it has no cluster IP of.

Why it matters: connections to the cluster IP are refused at once, and a headless name does not resolve.

How to fix: without a selector, write an EndpointSlice with the label `kubernetes.io/service-name` and the
Service's port names. With one, see that kube-controller-manager runs: it writes the slices.

Source: discovery/v1 EndpointSlice; core/v1 ServiceSpec.selector.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.endpointslice import SERVICE_NAME
from kinspect.model.finding import Finding, Severity, Unknown
from kinspect.model.index import EMPTY
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.applied import applied
from kinspect.resolve.backends import Behind
from kinspect.resolve.membership import has_selector, listable
from kinspect.resolve.service_class import families_of, has_slices
from kinspect.rules._words import count, get_slices, service_ref, some

CODE = "EPS103"
SEVERITY: Severity = "error"
SUBJECTS = ("Service",)
LOOKS_BEHIND = True
NEEDS = ("EndpointSlice",)
CONSULTS = ("Pod",)
SEARCHES = ("EndpointSlice",)

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: db, namespace: shop, uid: 5ca1ab1e}
spec: {clusterIP: 10.96.0.20, ports: [{name: sql, port: 5432}]}
---
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: {name: db-1, namespace: shop, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
ports: [{name: sql, port: 5432, protocol: TCP}]
endpoints: [{addresses: [192.0.2.10]}]
"""
BROKEN = """\
kind: Service
apiVersion: v1
metadata: {name: db, namespace: shop, uid: 5ca1ab1e}
spec: {clusterIP: 10.96.0.20, ports: [{name: sql, port: 5432}]}
---
kind: EndpointSliceList
apiVersion: discovery.k8s.io/v1
items: []
"""


applies = has_slices


def check(found: Behind, snapshot: Snapshot) -> Iterator[Finding | Unknown]:
    service = found.service
    why = None if found.reachable else _why(service, snapshot, found)
    if why is None:
        return
    cause, fix = why
    near = _meant_for(service, snapshot)
    if not applied(service) and not found.endpoints and not near:
        # Controllers write slices for what is applied, and copy Endpoints that were written by hand.
        yield Unknown(CODE, service_ref(service), "whether it gets endpoints shows once it is applied")
        return
    yield Finding(
        CODE,
        SEVERITY,
        service_ref(service),
        f"it has no endpoints: {cause}" + (f"; EndpointSlice {near} has no such label" if near else ""),
        field=f"EndpointSlice metadata.labels[{SERVICE_NAME}]",
        expected="a slice of this Service that lists an address",
        seen=f"{count(len(found.slices), 'slice')}, {len(found.endpoints)} addresses",
        fix=f"label EndpointSlice {near} {SERVICE_NAME}={service.name}" if near else fix,
        reproduce=get_slices(service),
    )


def _why(service: Service, snapshot: Snapshot, found: Behind) -> tuple[str, str] | None:
    """(cause, fix); None where its pods explain it, which SVC101 and EPS101 say better."""
    families = some(families_of(service))
    if found.endpoints:
        listed = some(sorted({each.address_type for each in found.endpoints}))
        cause = f"its slices list only {listed} addresses, and its cluster IPs are {families}"
        return cause, f"list addresses of family {families}"
    if not has_selector(service):
        cause = "it has no selector, and no EndpointSlice with its name lists an address"
        return cause, f"write an EndpointSlice with the label {SERVICE_NAME}: {service.name}"
    if not snapshot.covers("Pod", service.namespace):
        cause = "no EndpointSlice lists an address for it; why cannot be told without its pods"
        return cause, "look at the pods that its selector means"
    ready = [pod for pod in found.pods.values() if listable(pod) and pod.ready and not pod.terminating]
    if not ready:
        return None
    cause = f"ready pods match its selector ({len(ready)}), but no EndpointSlice lists them"
    return cause, "see that kube-controller-manager runs: its EndpointSlice controller writes the slices"


def _meant_for(service: Service, snapshot: Snapshot) -> str:
    """The name of a slice without a Service that may have been meant for this one, "" if there is none."""
    if has_selector(service):
        return ""
    orphans = snapshot.index.slices_without_service.get(service.namespace, EMPTY)
    return next((key.name for key in sorted(orphans) if key.name.startswith(service.name)), "")
