"""An ExternalName Service names no DNS name

What it finds: a Service of type ExternalName whose `spec.externalName` is empty or is an IP address.

Why it matters: the Service is nothing but a CNAME record, and that leads to a name. CoreDNS makes no record
of one that holds an address: NXDOMAIN. Other servers take the address for a name made of digits, which nobody
knows.

How to fix: give a DNS name. To point at an address, make a Service without a selector and write an
EndpointSlice that holds the address.

Source: core/v1 ServiceSpec.externalName; DNS specification §2.5; CoreDNS plugin/kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.addresses import parse_address
from kinspect.rules._words import get, service_ref

CODE = "SVC103"
SEVERITY: Severity = "error"
SUBJECTS = ("Service",)
NEEDS = ()

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: db, namespace: shop}
spec: {type: ExternalName, externalName: db.example.com}
"""
BROKEN = HEALTHY.replace("db.example.com", "192.0.2.10")


def applies(service: Service) -> bool:
    return service.spec.type == "ExternalName"


def check(service: Service, _snapshot: Snapshot) -> Iterator[Finding]:
    name = service.spec.external_name.rstrip(".")
    is_address = parse_address(name) is not None
    if not name or is_address:
        yield Finding(
            CODE,
            SEVERITY,
            service_ref(service),
            f"its external name is the address {name}, which is no DNS name and never resolves"
            if is_address
            else "its external name is empty",
            field="spec.externalName",
            expected="a DNS name",
            seen=name or "nothing",
            fix="use a Service without a selector, and an EndpointSlice that lists the address"
            if is_address
            else "write a DNS name into spec.externalName",
            reproduce=get("service", service),
        )
