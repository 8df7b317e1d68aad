"""A load balancer has no address yet

What it finds: a Service of type LoadBalancer with an empty `status.loadBalancer.ingress`.

Why it matters: no controller has reported an address, so clients outside have nothing to dial. Its cluster IP
and node ports work all the same. It is normal for a moment after creation.

How to fix: read the Service's events. Without any, no controller feels responsible: install one (a cloud
controller, MetalLB, kube-vip …), or set the `spec.loadBalancerClass` that yours serves; the class can only be
set when the Service becomes a LoadBalancer.

Source: core/v1 ServiceStatus.loadBalancer, ServiceSpec.loadBalancerClass.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.applied import applied
from kinspect.resolve.load_balancer import balancer_of
from kinspect.rules._words import service_ref

CODE = "SVC105"
SEVERITY: Severity = "warning"
SUBJECTS = ("Service",)
NEEDS = ()

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop, uid: 5ca1ab1e}
spec: {type: LoadBalancer, selector: {app: web}, clusterIP: 10.96.0.20, ports: [{port: 80, nodePort: 30080}]}
status: {loadBalancer: {ingress: [{ip: 192.0.2.80, ipMode: VIP}]}}
"""
BROKEN = HEALTHY.replace("{ingress: [{ip: 192.0.2.80, ipMode: VIP}]}", "{}")


def applies(service: Service) -> bool:
    return service.spec.type == "LoadBalancer" and applied(service)


def check(service: Service, _snapshot: Snapshot) -> Iterator[Finding]:
    balancer = balancer_of(service)
    if balancer is None or not balancer.pending:
        return
    named = balancer.class_name
    yield Finding(
        CODE,
        SEVERITY,
        service_ref(service),
        f"its load balancer is pending: no controller of class {named} has given it an address"
        if named
        else "its load balancer is pending: no controller has given it an address",
        field="status.loadBalancer.ingress",
        expected="an ip or a hostname",
        seen="empty",
        fix=f"see that a controller which serves the class {named} runs"
        if named
        else "read its events; without any, install a load balancer controller",
        reproduce=("kubectl", "-n", service.namespace, "describe", "service", service.name),
    )
