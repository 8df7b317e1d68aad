"""A load balancer could not take a port

What it finds: an error in `status.loadBalancer.ingress[].ports[]` of a Service, or its condition
`LoadBalancerPortsError`.

Why it matters: the balancer's controller says that it does not serve this port. Mixing TCP and UDP is the
usual cause: many balancers cannot.

How to fix: follow the controller's message; split the Service into one per protocol where mixing is refused.

Source: core/v1 PortStatus.error, LoadBalancerPortsError.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.load_balancer import balancer_of
from kinspect.rules._words import get, service_ref

CODE = "SVC106"
SEVERITY: Severity = "error"
SUBJECTS = ("Service",)
NEEDS = ()

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: dns, namespace: shop}
spec:
  type: LoadBalancer
  clusterIP: 10.96.0.20
  selector: {app: dns}
  ports: [{name: tcp, port: 53, protocol: TCP}, {name: udp, port: 53, protocol: UDP}]
status: {loadBalancer: {ingress: [{ip: 192.0.2.53, ports: [{port: 53, protocol: UDP}]}]}}
"""
BROKEN = HEALTHY.replace("protocol: UDP}]}]}}", "protocol: UDP, error: MixedProtocolNotSupported}]}]}}")


def applies(service: Service) -> bool:
    return service.spec.type == "LoadBalancer"


def check(service: Service, _snapshot: Snapshot) -> Iterator[Finding]:
    balancer = balancer_of(service)
    for error in balancer.errors if balancer else ():
        yield Finding(
            CODE,
            SEVERITY,
            service_ref(service),
            f"its load balancer failed to take a port: {error}",
            field="status.loadBalancer.ingress[].ports[].error",
            expected="no error",
            seen=error,
            fix="follow the message; where protocols may not be mixed, make one Service for each",
            reproduce=get("service", service),
        )
