"""A named targetPort is missing on some pods

What it finds: a Service port whose `targetPort` is a name that some of the selected pods declare for the
port's protocol and others do not.

Why it matters: pods without the name get no traffic on this port. They stand in an EndpointSlice of their own
and look ready, so the missing capacity is easily overlooked. Two versions of a workload are the usual cause.

How to fix: declare the port name in every version of the pods.

Source: endpointslice FindPort, getEndpointPorts.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity, Unknown
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import Behind
from kinspect.resolve.ports import port_text, protocols_on
from kinspect.resolve.service_class import has_named_targets
from kinspect.rules._words import get_pods, service_ref, some

CODE = "EPS106"
SEVERITY: Severity = "warning"
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
spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}
status: {podIP: 10.244.1.5, conditions: [{type: Ready, status: "True"}]}
---
kind: Pod
apiVersion: v1
metadata: {name: web-2, namespace: shop, labels: {app: web}}
spec: {containers: [{name: app, ports: [{name: http, containerPort: 8081}]}]}
status: {podIP: 10.244.1.6, conditions: [{type: Ready, status: "True"}]}
"""
BROKEN = HEALTHY.replace("{name: http, containerPort: 8081}", "{name: www, containerPort: 8081}")


applies = has_named_targets


def check(found: Behind, snapshot: Snapshot) -> Iterator[Finding | Unknown]:
    service = found.service
    if found.undeclared is None:
        yield Unknown(CODE, service_ref(service), "its pods are not known")
        return
    for n, port, name, pods, without in found.undeclared:
        if len(without) == len(pods):
            continue
        verb, get = ("declares", "gets") if len(without) == 1 else ("declare", "get")
        otherwise = sorted({protocol for pod in without for protocol in protocols_on(pod, name)})
        yield Finding(
            CODE,
            SEVERITY,
            service_ref(service),
            f"port {port_text(port)}: {len(without)} of {len(pods)} pods {verb} no {port.protocol} port "
            f"named {name} and {get} no traffic on it: {some(pod.name for pod in without)}",
            field=f"spec.ports[{n}].targetPort",
            expected=f"a container port {name} ({port.protocol}) on every pod",
            seen=f"only for {some(otherwise)} on these" if otherwise else "no such name on these",
            fix=f"declare a {port.protocol} port named {name} in every version of the pods",
            reproduce=get_pods(service, "-o", "yaml"),
            port=port_text(port),
        )
