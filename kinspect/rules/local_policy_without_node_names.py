"""A Local policy meets endpoints without a node

What it finds: a Service with a traffic policy Local, none of whose usable endpoints has a `nodeName`.

Why it matters: an endpoint without a node is local to none. Under the policy every node drops the traffic
without an answer. Only hand-written and mirrored slices lack node names.

How to fix: write `nodeName` into the slice's endpoints, or use policy Cluster.

Source: discovery/v1 Endpoint.nodeName; kube-proxy topology.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import Behind
from kinspect.resolve.service_class import has_virtual_ip
from kinspect.resolve.traffic import is_local
from kinspect.rules._words import first, get_slices, service_ref

CODE = "TRF103"
SEVERITY: Severity = "error"
SUBJECTS = ("Service",)
LOOKS_BEHIND = True
NEEDS = ("EndpointSlice",)
CONSULTS = ("Pod",)  # to name the endpoints

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: db, namespace: shop}
spec: {clusterIP: 10.96.0.20, internalTrafficPolicy: Local, ports: [{port: 5432}]}
---
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: {name: db-1, namespace: shop, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
ports: [{port: 5432}]
endpoints: [{addresses: [192.0.2.10], nodeName: node1}]
"""
BROKEN = HEALTHY.replace(", nodeName: node1", "")


def applies(service: Service) -> bool:
    return bool(_local_fields(service)) and has_virtual_ip(service)


def check(found: Behind, snapshot: Snapshot) -> Iterator[Finding]:
    service = found.service
    usable = [each for each in found.reachable if each.usable]
    if usable and not any(each.node for each in usable):
        fields = " and ".join(_local_fields(service))
        yield Finding(
            CODE,
            SEVERITY,
            service_ref(service),
            f"no usable endpoint has a nodeName, so under {fields} Local every node drops its traffic",
            field=fields,
            expected="endpoints with a nodeName",
            seen=f"none for {first(usable)}",
            fix="write nodeName into the slice's endpoints, or use policy Cluster",
            reproduce=get_slices(service),
        )


def _local_fields(service: Service) -> list[str]:
    outside = service.spec.type in ("NodePort", "LoadBalancer") or service.spec.external_ips
    fields = []
    if is_local(service, "internal"):
        fields.append("spec.internalTrafficPolicy")
    if outside and is_local(service, "external"):
        fields.append("spec.externalTrafficPolicy")
    return fields
