"""An EndpointSlice belongs to no Service

What it finds: an EndpointSlice without the label `kubernetes.io/service-name` that nobody manages: it has
neither an owner nor the label `endpointslice.kubernetes.io/managed-by`.

Why it matters: this label alone joins a slice to its Service; its name and its owner do not. No proxy and no
DNS server reads a slice without it. Slices that a program keeps for a purpose of its own are left alone.

How to fix: if it was meant for a Service, label it.

Source: discovery/v1 LabelServiceName.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.endpointslice import MANAGED_BY, SERVICE_NAME, EndpointSlice
from kinspect.model.finding import Finding, Severity
from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot
from kinspect.rules._words import get

CODE = "EPS110"
SEVERITY: Severity = "info"
SUBJECTS = ("EndpointSlice",)
NEEDS = ()

HEALTHY = """\
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: {name: db-1, namespace: shop, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
endpoints: [{addresses: [192.0.2.10]}]
"""
BROKEN = HEALTHY.replace("kubernetes.io/service-name: db", "app: db")


def applies(slice_: EndpointSlice) -> bool:
    return MANAGED_BY not in slice_.metadata.labels and not slice_.metadata.owner_references


def check(slice_: EndpointSlice, _snapshot: Snapshot) -> Iterator[Finding]:
    if slice_.service is None:
        yield Finding(
            CODE,
            SEVERITY,
            Ref("EndpointSlice", slice_.namespace, slice_.name),
            f"it has no label {SERVICE_NAME}, so it belongs to no Service",
            field=f"metadata.labels[{SERVICE_NAME}]",
            expected="the name of a Service of its namespace",
            seen="no such label",
            fix=f"kubectl -n {slice_.namespace} label endpointslice {slice_.name} {SERVICE_NAME}=SERVICE",
            reproduce=get("endpointslice", slice_),
        )
