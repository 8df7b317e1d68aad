"""A Service uses externalIPs

What it finds: entries in `spec.externalIPs`, and those among them that no Node reports as its address.

Why it matters: the field is deprecated since Kubernetes 1.36. It works today; kube-proxy is to stop obeying
it by default in 1.40 (gate `AllowServiceExternalIPs`), silently, and an admission plugin may forbid it
already. Kubernetes only translates what arrives at a node for such an address and brings nothing there: one
that no node owns must be routed to a node by something outside, or nobody ever reaches it.

How to fix: replace it by a Service of type LoadBalancer with a controller that serves fixed addresses. Until
then, use addresses that nodes own or that the network routes to one.

Source: KEP-5707; CVE-2020-8554; core/v1 ServiceSpec.externalIPs.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.rules._words import get, service_ref, some

CODE = "SVC107"
SEVERITY: Severity = "info"
SUBJECTS = ("Service",)
NEEDS = ()
CONSULTS = ("Node",)

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, clusterIP: 10.96.0.20, ports: [{port: 80}]}
"""
BROKEN = HEALTHY.replace("ports:", "externalIPs: [192.0.2.7], ports:")


def applies(service: Service) -> bool:
    return bool(service.spec.external_ips)


def check(service: Service, snapshot: Snapshot) -> Iterator[Finding]:
    addresses = service.spec.external_ips
    known = snapshot.covers("Node")
    nowhere = [each for each in addresses if known and each not in snapshot.index.nodes_by_ip]
    yield Finding(
        CODE,
        SEVERITY,
        service_ref(service),
        f"it listens on external IP{'' if len(addresses) == 1 else 's'} {some(addresses)}, "
        "a field that is deprecated since 1.36"
        + (f"; no node reports {some(nowhere)} as its own" if nowhere else ""),
        field="spec.externalIPs",
        expected="none, or addresses that nodes own or that are routed to one",
        seen=some(addresses),
        fix="replace it by type LoadBalancer before kube-proxy stops obeying it (planned for 1.40)",
        reproduce=get("service", service),
    )
