"""An endpoint is a cluster IP

What it finds: a hand-written endpoint whose address is the cluster IP of a Service.

Why it matters: a connection is translated once. A proxy that has chosen this endpoint does not translate it
again, so the packet leaves for an address that exists nowhere, and nothing answers.

How to fix: list the addresses of the pods, or make the Service an ExternalName for the other one's name.

Source: core/v1, Services without selectors ("endpoint IPs cannot be the cluster IPs of other Services").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kinspect.model.finding import Finding, Severity, Unknown
from kinspect.model.index import EMPTY
from kinspect.model.meta import Key
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.addresses import range_of, service_ranges
from kinspect.resolve.backends import Backend, Behind
from kinspect.resolve.service_class import selectorless
from kinspect.rules._words import get_slices, service_ref

CODE = "EPS115"
SEVERITY: Severity = "error"
SUBJECTS = ("Service",)
LOOKS_BEHIND = True
NEEDS = ("EndpointSlice",)
CONSULTS = ("Service", "ServiceCIDR")

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: db, namespace: shop}
spec: {clusterIP: 10.96.0.20, ports: [{port: 5432}]}
---
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: {name: db-1, namespace: shop, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
ports: [{port: 5432}]
endpoints: [{addresses: [192.0.2.10]}]
---
kind: Service
apiVersion: v1
metadata: {name: files, namespace: storage}
spec: {selector: {app: files}, clusterIP: 10.96.0.77, ports: [{port: 5432}]}
---
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: {name: files-1, namespace: storage, labels: {kubernetes.io/service-name: files}}
addressType: IPv4
ports: [{port: 5432}]
endpoints: [{addresses: [10.244.1.5]}]
"""
BROKEN = HEALTHY.replace("192.0.2.10", "10.96.0.77")

applies = selectorless


def check(found: Behind, snapshot: Snapshot) -> Iterator[Finding | Unknown]:
    service = found.service
    endpoints = found.endpoints
    broken = False
    for each in endpoints:
        owner = _owner(snapshot, each.address)
        if owner is not None:
            broken = True
            yield Finding(
                CODE,
                SEVERITY,
                service_ref(service),
                f"its endpoint {each.address} is the cluster IP of Service {owner.namespace}/{owner.name}, "
                "which no proxy translates a second time",
                field="EndpointSlice endpoints[].addresses",
                expected="the address of a pod or host",
                seen=each.address,
                fix="list the pods' own addresses, or use an ExternalName Service",
                reproduce=get_slices(service),
            )
    if endpoints and not broken and not snapshot.covers("Service") and not _outside(snapshot, endpoints):
        yield Unknown(CODE, service_ref(service), "the Services of other namespaces are not all known")


def _outside(snapshot: Snapshot, endpoints: Iterable[Backend]) -> bool:
    """Whether none of them lies in a range that cluster IPs come from, whosever they are."""
    known = snapshot.covers("ServiceCIDR") and bool(service_ranges(snapshot))
    return known and not any(range_of(snapshot, each.address) for each in endpoints)


def _owner(snapshot: Snapshot, address: str) -> Key | None:
    """The Service that has this address as a cluster IP."""
    holders = snapshot.index.services_by_ip.get(address, EMPTY)
    return min((key for key in holders if address in snapshot.services[key].virtual_ips), default=None)
