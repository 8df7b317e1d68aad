"""A slice port feeds no Service port

What it finds: a port of a Service's EndpointSlice whose name and protocol no port of the Service has.

Why it matters: proxies join slice ports to Service ports by name and protocol, and nothing else. This slice
port gets no traffic. In hand-written slices a forgotten or misspelt name is the usual cause.

How to fix: give the slice port exactly the Service port's name; no name where the Service port has none.

Source: core/v1 ServicePort.name; discovery/v1 EndpointPort.name; kube-proxy endpointslicecache.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import Behind, UnmatchedPort
from kinspect.resolve.ports import port_text
from kinspect.resolve.service_class import has_slices
from kinspect.rules._words import get_slices, service_ref, some

CODE = "EPS108"
SEVERITY: Severity = "warning"
SUBJECTS = ("Service",)
LOOKS_BEHIND = True
NEEDS = ("EndpointSlice",)

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: db, namespace: shop}
spec: {clusterIP: 10.96.0.20, ports: [{name: sql, port: 5432}]}
---
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: {name: db-1, namespace: shop, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
ports: [{name: sql, port: 5432, protocol: TCP}]
endpoints: [{addresses: [192.0.2.10]}]
"""
BROKEN = HEALTHY.replace(
    "port: 5432, protocol: TCP}]", "port: 5432, protocol: TCP}, {name: admin, port: 9000}]"
)


def applies(service: Service) -> bool:
    return has_slices(service) and bool(service.spec.ports)


def check(found: Behind, snapshot: Snapshot) -> Iterator[Finding]:
    service = found.service
    for each in found.unmatched_ports:
        yield Finding(
            CODE,
            SEVERITY,
            service_ref(service),
            f"EndpointSlice {each.slice}: its port {_text(each)} feeds no port of the Service",
            field="EndpointSlice ports[].name",
            expected=f"name and protocol of a Service port: {some(map(port_text, service.spec.ports))}",
            seen=_text(each),
            fix="give the slice port the name and protocol of the Service port that it is for",
            reproduce=get_slices(service),
        )


def _text(port: UnmatchedPort) -> str:
    return f"{port.port}/{port.protocol} {port.name or '(no name)'}"
