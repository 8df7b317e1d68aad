"""An Ingress backend names a port that its Service does not have

What it finds: a path or the default backend of an Ingress whose port, by name or by number, is no port of the
Service that it names.

Why it matters: the controller finds no endpoints for it; clients get 503, 500 or 404, by controller. The port
is the *Service's*, and giving the container's is the usual slip.

How to fix: use the number or the name of an entry of the Service's `spec.ports`.

Source: networking/v1 ServiceBackendPort.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.ingress import Ingress
from kinspect.model.meta import Key, Ref
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.ports import port_text, target_of
from kinspect.resolve.routes import ingress_backends, port_meant
from kinspect.rules._words import get, some

CODE = "ING102"
SEVERITY: Severity = "error"
SUBJECTS = ("Ingress",)
NEEDS = ("Service",)

HEALTHY = """\
kind: Ingress
apiVersion: networking.k8s.io/v1
metadata: {name: shop, namespace: shop}
spec:
  ingressClassName: nginx
  defaultBackend: {service: {name: web, port: {number: 80}}}
---
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, clusterIP: 10.96.0.20, ports: [{port: 80, targetPort: 8080}]}
"""
BROKEN = HEALTHY.replace("{number: 80}", "{number: 8080}")


def check(ingress: Ingress, snapshot: Snapshot) -> Iterator[Finding]:
    for field, host, path, backend in ingress_backends(ingress):
        named = backend.service
        service = snapshot.services.get(Key(ingress.namespace, named.name)) if named else None
        if named is None or service is None or service.spec.type == "ExternalName":
            continue  # a missing Service is ING101's; an ExternalName need not declare ports
        if port_meant(service, named.port) is not None:
            continue
        wanted = named.port.name or named.port.number
        target = next((each for each in service.spec.ports if target_of(each) == wanted), None)
        hint = f"; {wanted} is the target port of {port_text(target)}" if target else ""
        yield Finding(
            CODE,
            SEVERITY,
            Ref("Ingress", ingress.namespace, ingress.name),
            f"{host or '*'}{path or '/'} leads to port {wanted or '(none)'} of Service {service.name}, which "
            f"has no such port{hint}",
            field=f"{field}.service.port",
            expected=f"a port of the Service: {some(map(port_text, service.spec.ports))}",
            seen=str(wanted or "neither name nor number"),
            fix=f"use {target.name or target.port}" if target else "use a port of the Service",
            reproduce=get("ingress", ingress),
        )
