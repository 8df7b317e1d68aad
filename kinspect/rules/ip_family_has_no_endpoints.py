"""A cluster IP's family has no endpoints

What it finds: a Service with cluster IPs of both families, and endpoints of only one.

Why it matters: each family is proxied by itself. The other cluster IP is refused, DNS hands it out all the
same, and clients that prefer it fail or lose time before they try again.

How to fix: give the pods addresses of both families and have the application listen on both, or make the
Service single-stack with `ipFamilyPolicy: SingleStack`.

Source: core/v1 ServiceSpec.ipFamilies; discovery/v1 EndpointSlice.addressType.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import Behind
from kinspect.resolve.service_class import families_of
from kinspect.rules._words import get_slices, service_ref

CODE = "EPS114"
SEVERITY: Severity = "warning"
SUBJECTS = ("Service",)
LOOKS_BEHIND = True
NEEDS = ("EndpointSlice",)

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop}
spec:
  clusterIP: 10.96.0.20
  clusterIPs: [10.96.0.20, "fd00:96::20"]
  ipFamilies: [IPv4, IPv6]
  ports: [{port: 80}]
---
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: {name: web-4, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{port: 80}]
endpoints: [{addresses: [10.244.1.5]}]
---
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: {name: web-6, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv6
ports: [{port: 80}]
endpoints: [{addresses: ["fd00:244:1::5"]}]
"""
BROKEN = HEALTHY.replace('endpoints: [{addresses: ["fd00:244:1::5"]}]', "endpoints: []")


def applies(service: Service) -> bool:
    # A headless Service without a selector gets both families by default, on any cluster: no fault of it.
    return len(service.virtual_ips) > 1


def check(found: Behind, snapshot: Snapshot) -> Iterator[Finding]:
    service = found.service
    endpoints = found.reachable
    listed = {each.address_type for each in endpoints}
    for n, family in enumerate(families_of(service) if listed else ()):
        if family not in listed:
            address = service.virtual_ips[n] if n < len(service.virtual_ips) else family
            yield Finding(
                CODE,
                SEVERITY,
                service_ref(service),
                f"it has no {family} endpoints, so its cluster IP {address} is refused",
                field=f"spec.ipFamilies[{n}]",
                expected=f"an EndpointSlice of addressType {family} with endpoints",
                seen="endpoints of another family only",
                fix=f"give the pods {family} addresses, or make the Service single-stack",
                reproduce=get_slices(service),
            )
