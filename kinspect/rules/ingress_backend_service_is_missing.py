"""An Ingress backend names a Service that does not exist

What it finds: a path or the default backend of an Ingress that names no Service of its namespace.

Why it matters: the controller has nowhere to send these requests; clients get 503, 500 or 404, by controller.

How to fix: correct the name, create the Service, or move the Ingress: a backend cannot lie in another
namespace.

Source: networking/v1 IngressServiceBackend.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.ingress import Ingress
from kinspect.model.meta import Key, Ref
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.routes import ingress_backends
from kinspect.rules._words import get

CODE = "ING101"
SEVERITY: Severity = "error"
SUBJECTS = ("Ingress",)
NEEDS = ("Service",)

HEALTHY = """\
kind: Ingress
apiVersion: networking.k8s.io/v1
metadata: {name: shop, namespace: shop}
spec:
  ingressClassName: nginx
  rules:
  - host: shop.example.com
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
---
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, clusterIP: 10.96.0.20, ports: [{port: 80}]}
"""
BROKEN = HEALTHY.replace("service: {name: web", "service: {name: website")


def check(ingress: Ingress, snapshot: Snapshot) -> Iterator[Finding]:
    for field, host, path, backend in ingress_backends(ingress):
        if backend.service and Key(ingress.namespace, backend.service.name) not in snapshot.services:
            name = backend.service.name
            yield Finding(
                CODE,
                SEVERITY,
                Ref("Ingress", ingress.namespace, ingress.name),
                f"{host or '*'}{path or '/'} leads to Service {name}, which does not exist in namespace "
                f"{ingress.namespace}",
                field=f"{field}.service.name",
                expected="a Service of the Ingress's namespace",
                seen=name,
                fix="correct the name, or create the Service",
                reproduce=get("ingress", ingress),
            )
