"""A named targetPort is on no pod

What it finds: a Service port whose `targetPort` is a name that none of the selected pods declares, under any
protocol.

Why it matters: the number behind a name is looked up per pod. Where no pod has it, the port has no endpoints,
and connections to it are refused.

How to fix: name a container port so, in `containers[].ports[].name`, or write the number into the Service.

Source: endpointslice FindPort; core/v1 ServicePort.targetPort.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity, Unknown
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import Behind
from kinspect.resolve.ports import port_text, protocols_on
from kinspect.resolve.service_class import has_named_targets
from kinspect.rules._words import get_pods, service_ref, some

CODE = "EPS105"
SEVERITY: Severity = "error"
SUBJECTS = ("Service",)
LOOKS_BEHIND = True
NEEDS = ()
CONSULTS = ("Pod",)
SEARCHES = ("Deployment", "StatefulSet", "DaemonSet")

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, clusterIP: 10.96.0.20, ports: [{name: http, port: 80, targetPort: http}]}
---
kind: Pod
apiVersion: v1
metadata: {name: web-1, namespace: shop, labels: {app: web}}
spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080, protocol: TCP}]}]}
status: {podIP: 10.244.1.5, conditions: [{type: Ready, status: "True"}]}
"""
BROKEN = HEALTHY.replace("ports: [{name: http, containerPort", "ports: [{name: web, containerPort")


applies = has_named_targets


def check(found: Behind, snapshot: Snapshot) -> Iterator[Finding | Unknown]:
    service = found.service
    if found.undeclared is None:
        yield Unknown(CODE, service_ref(service), "its pods are not known")
        return
    for n, port, name, pods, without in found.undeclared:
        if len(without) < len(pods) or any(protocols_on(pod, name) for pod in pods):
            continue
        declared = sorted(
            {each.name for pod in pods for c in pod.spec.serving_containers for each in c.ports if each.name}
        )
        yield Finding(
            CODE,
            SEVERITY,
            service_ref(service),
            f"port {port_text(port)}: none of its pods ({len(pods)}) declares a port named {name}",
            field=f"spec.ports[{n}].targetPort",
            expected=f"the name of a container port, one of: {some(declared, 6)}"
            if declared
            else "the name of a container port; the pods name none, so use a number",
            seen=name,
            fix=f"name a container port {name}, or give targetPort a name or number that the pods have",
            reproduce=get_pods(service, "-o", "yaml"),
            port=port_text(port),
        )
