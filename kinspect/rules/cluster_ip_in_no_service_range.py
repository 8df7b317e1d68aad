"""A cluster IP lies in no service range

What it finds: a cluster IP that none of the cluster's ServiceCIDRs contains. Clusters that declare none
(before 1.33) are left alone.

Why it matters: nothing guards the address any more. It may be given to something else, and proxies that know
the ranges do not treat it as a service address.

How to fix: recreate the Service so that it gets an address from a range, or add a ServiceCIDR that holds it.

Source: KEP-1880; networking/v1 ServiceCIDR.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.addresses import range_of, service_ranges
from kinspect.rules._words import service_ref, some

CODE = "SVC109"
SEVERITY: Severity = "warning"
SUBJECTS = ("Service",)
NEEDS = ("ServiceCIDR",)

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, clusterIP: 10.96.0.20, clusterIPs: [10.96.0.20], ports: [{port: 80}]}
---
kind: ServiceCIDR
apiVersion: networking.k8s.io/v1
metadata: {name: kubernetes}
spec: {cidrs: [10.96.0.0/16]}
"""
BROKEN = HEALTHY.replace("10.96.0.20", "10.112.0.20")


def applies(service: Service) -> bool:
    return bool(service.virtual_ips)


def check(service: Service, snapshot: Snapshot) -> Iterator[Finding]:
    ranges = service_ranges(snapshot)
    for n, address in enumerate(service.virtual_ips if ranges else ()):
        if range_of(snapshot, address) is None:
            yield Finding(
                CODE,
                SEVERITY,
                service_ref(service),
                f"its cluster IP {address} lies in no ServiceCIDR of the cluster",
                field=f"spec.clusterIPs[{n}]",
                expected=f"an address in {some(str(network) for _, network in ranges)}",
                seen=address,
                fix="recreate the Service, or add a ServiceCIDR that holds the address",
                reproduce=("kubectl", "get", "servicecidrs"),
            )
