"""A Service port has no endpoints

What it finds: a port of a Service to which no slice port leads, while its slices list addresses.

Why it matters: connections to this port are refused, while other ports of the same Service may work. The
slices have no port of its name and protocol.

How to fix: in hand-written slices, name a port exactly like the Service port. Slices that the controller
writes follow the Service by themselves; if they do not, look at kube-controller-manager.

Source: core/v1 ServicePort.name; discovery/v1 EndpointPort; kube-proxy endpointslicecache.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import Behind
from kinspect.resolve.membership import has_selector
from kinspect.resolve.ports import names_target, port_text
from kinspect.resolve.service_class import has_slices
from kinspect.rules._words import get_slices, service_ref, some

CODE = "EPS109"
SEVERITY: Severity = "error"
SUBJECTS = ("Service",)
LOOKS_BEHIND = True
NEEDS = ("EndpointSlice",)

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: db, namespace: shop}
spec: {clusterIP: 10.96.0.20, ports: [{name: sql, port: 5432}, {name: admin, port: 9000}]}
---
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: {name: db-1, namespace: shop, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
ports: [{name: sql, port: 5432, protocol: TCP}, {name: admin, port: 9000, protocol: TCP}]
endpoints: [{addresses: [192.0.2.10]}]
"""
BROKEN = HEALTHY.replace(", {name: admin, port: 9000, protocol: TCP}", "")


applies = has_slices


def check(found: Behind, snapshot: Snapshot) -> Iterator[Finding]:
    service = found.service
    fed = found.fed
    for n, port in enumerate(service.spec.ports if found.reachable else ()):
        if (port.name, port.protocol) in fed or (has_selector(service) and names_target(port)):
            continue  # where a name is looked up on pods, EPS105 and EPS107 tell why it is not there
        declared = sorted({_text(each.name, each.protocol) for s in found.slices for each in s.ports})
        yield Finding(
            CODE,
            SEVERITY,
            service_ref(service),
            f"port {port_text(port)} has no endpoints: no slice has a port of that name and protocol",
            field=f"spec.ports[{n}].name",
            expected=f"a slice port {_text(port.name, port.protocol)}",
            seen=some(declared) if declared else "slices without ports",
            fix="give the slice's port the name and protocol of the Service port",
            reproduce=get_slices(service),
            port=port_text(port),
        )


def _text(name: str | None, protocol: str | None) -> str:
    return f"{name or '(no name)'} {protocol or 'TCP'}"
