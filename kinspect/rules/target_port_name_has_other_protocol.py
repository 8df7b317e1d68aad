"""A named targetPort has another protocol

What it finds: a Service port whose `targetPort` is a name that the selected pods declare, but for another
protocol than the port's.

Why it matters: a name is looked up together with the protocol. A TCP port named `dns` never answers for the
UDP port of the Service: that port has no endpoints.

How to fix: make `spec.ports[].protocol` and `containers[].ports[].protocol` the same. What is not written is
TCP.

Source: endpointslice FindPort.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity, Unknown
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import Behind
from kinspect.resolve.ports import port_text, protocols_on
from kinspect.resolve.service_class import has_named_targets
from kinspect.rules._words import get_pods, service_ref, some

CODE = "EPS107"
SEVERITY: Severity = "error"
SUBJECTS = ("Service",)
LOOKS_BEHIND = True
NEEDS = ()
CONSULTS = ("Pod",)
SEARCHES = ("Deployment", "StatefulSet", "DaemonSet")

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: dns, namespace: shop}
spec:
  selector: {app: dns}
  clusterIP: 10.96.0.20
  ports: [{name: dns, port: 53, protocol: UDP, targetPort: dns}]
---
kind: Pod
apiVersion: v1
metadata: {name: dns-1, namespace: shop, labels: {app: dns}}
spec: {containers: [{name: app, ports: [{name: dns, containerPort: 5353, protocol: UDP}]}]}
status: {podIP: 10.244.1.5, conditions: [{type: Ready, status: "True"}]}
"""
BROKEN = HEALTHY.replace("containerPort: 5353, protocol: UDP", "containerPort: 5353, protocol: TCP")


applies = has_named_targets


def check(found: Behind, snapshot: Snapshot) -> Iterator[Finding | Unknown]:
    service = found.service
    if found.undeclared is None:
        yield Unknown(CODE, service_ref(service), "its pods are not known")
        return
    for n, port, name, pods, without in found.undeclared:
        if len(without) < len(pods):
            continue
        otherwise = sorted({protocol for pod in pods for protocol in protocols_on(pod, name)})
        if otherwise:
            yield Finding(
                CODE,
                SEVERITY,
                service_ref(service),
                f"port {port_text(port)}: its pods declare {name} for {some(otherwise)} only",
                field=f"spec.ports[{n}].protocol",
                expected=f"a container port {name} with protocol {port.protocol}",
                seen=f"{name} with protocol {some(otherwise)}",
                fix="make the protocols of the Service port and of the container port the same",
                reproduce=get_pods(service, "-o", "yaml"),
                port=port_text(port),
            )
