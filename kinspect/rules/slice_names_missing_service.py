"""An EndpointSlice names a Service that does not exist

What it finds: an EndpointSlice whose label `kubernetes.io/service-name` names no Service of its namespace.

Why it matters: nothing reads it. Either the Service is gone and somebody forgot the slice, or the name in the
label is misspelt and the Service it was meant for lacks these endpoints.

How to fix: correct the label, create the Service, or delete the slice.

Source: discovery/v1 LabelServiceName.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.endpointslice import SERVICE_NAME, EndpointSlice
from kinspect.model.finding import Finding, Severity
from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot
from kinspect.rules._words import get

CODE = "EPS111"
SEVERITY: Severity = "warning"
SUBJECTS = ("EndpointSlice",)
NEEDS = ("Service",)

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
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: {name: db-2, namespace: shop, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
ports: [{port: 5432}]
endpoints: [{addresses: [192.0.2.11]}]
"""
BROKEN = HEALTHY.replace(
    "{name: db-2, namespace: shop, labels: {kubernetes.io/service-name: db}}",
    "{name: db-2, namespace: shop, labels: {kubernetes.io/service-name: bd}}",
)


def applies(slice_: EndpointSlice) -> bool:
    return slice_.service is not None


def check(slice_: EndpointSlice, snapshot: Snapshot) -> Iterator[Finding]:
    service = slice_.service
    if service is not None and service not in snapshot.services:
        yield Finding(
            CODE,
            SEVERITY,
            Ref("EndpointSlice", slice_.namespace, slice_.name),
            f"it belongs to Service {service.name}, which does not exist in namespace {service.namespace}",
            field=f"metadata.labels[{SERVICE_NAME}]",
            expected="the name of a Service of its namespace",
            seen=service.name,
            fix="correct the label, create the Service, or delete the slice",
            reproduce=get("endpointslice", slice_),
        )
