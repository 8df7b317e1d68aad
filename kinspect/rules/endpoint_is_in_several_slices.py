"""An endpoint is in several slices

What it finds: the same address, port and protocol in more than one EndpointSlice of a Service.

Why it matters: it counts once, but its state is ambiguous if the slices disagree. While the controller moves
endpoints between slices it is normal for an instant; otherwise two writers feed the same Service.

How to fix: let only one writer keep the slices of a Service; look at their label
`endpointslice.kubernetes.io/managed-by`.

Source: KEP-752; the API documentation, "Duplicate endpoints".
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import Behind
from kinspect.resolve.ports import port_text
from kinspect.resolve.service_class import has_slices
from kinspect.rules._words import first, get_slices, service_ref, some

CODE = "EPS113"
SEVERITY: Severity = "info"
SUBJECTS = ("Service",)
LOOKS_BEHIND = True
NEEDS = ("EndpointSlice",)
CONSULTS = ("Pod",)  # to name the endpoints

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
---
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: {name: db-2, namespace: shop, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
ports: [{name: sql, port: 5432, protocol: TCP}]
endpoints: [{addresses: [192.0.2.11]}]
"""
BROKEN = HEALTHY.replace("192.0.2.11", "192.0.2.10")


applies = has_slices


def check(found: Behind, snapshot: Snapshot) -> Iterator[Finding]:
    service = found.service
    if all(len(each.slices) == 1 for each in found.endpoints):
        return
    for port in service.spec.ports:
        twice = [each for each in found.backends(port) if len(each.slices) > 1]
        if twice:
            verb = "is" if len(twice) == 1 else "are"
            slices = sorted({name for each in twice for name in each.slices})
            yield Finding(
                CODE,
                SEVERITY,
                service_ref(service),
                f"port {port_text(port)}: {first(twice)} {verb} in several slices: {some(slices)}",
                field="EndpointSlice endpoints[].addresses",
                expected="each endpoint in one slice",
                seen=f"{len(twice)} in {some(slices)}",
                fix="let one writer keep the slices of this Service",
                reproduce=get_slices(service),
                port=port_text(port),
            )
