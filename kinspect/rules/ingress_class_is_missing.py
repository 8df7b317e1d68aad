"""An Ingress names a class that does not exist

What it finds: an Ingress whose `spec.ingressClassName` names no IngressClass, and that no controller has
given an address.

Why it matters: the API server accepts any name. Controllers serve the classes that name them, so nobody
serves this Ingress.

How to fix: install the controller together with its IngressClass, or use the name of one that exists.

Source: networking/v1 IngressSpec.ingressClassName, IngressClass.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity, Unknown
from kinspect.model.ingress import Ingress
from kinspect.model.meta import Key, Ref
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.applied import applied
from kinspect.rules._words import some

CODE = "ING103"
SEVERITY: Severity = "error"
SUBJECTS = ("Ingress",)
NEEDS = ("IngressClass",)

HEALTHY = """\
kind: Ingress
apiVersion: networking.k8s.io/v1
metadata: {name: shop, namespace: shop, uid: 5ca1ab1e}
spec: {ingressClassName: nginx, rules: [{host: shop.example.com}]}
---
kind: IngressClass
apiVersion: networking.k8s.io/v1
metadata: {name: nginx}
spec: {controller: k8s.io/ingress-nginx}
"""
BROKEN = HEALTHY.replace("ingressClassName: nginx", "ingressClassName: ngnix")


def applies(ingress: Ingress) -> bool:
    # An address proves that some controller serves the Ingress, by whatever rule of its own.
    return bool(ingress.spec.ingress_class_name) and not ingress.status.load_balancer.ingress


def check(ingress: Ingress, snapshot: Snapshot) -> Iterator[Finding | Unknown]:
    name = ingress.spec.ingress_class_name or ""
    classes = snapshot.of("IngressClass")
    if Key("", name) in classes:
        return
    if applied(ingress):
        there = some(sorted(key.name for key in classes)) or "there are none"
        yield Finding(
            CODE,
            SEVERITY,
            Ref("Ingress", ingress.namespace, ingress.name),
            f"its class {name} does not exist, so no controller serves it",
            field="spec.ingressClassName",
            expected=f"an IngressClass: {there}",
            seen=name,
            fix="install the controller with its IngressClass, or use a class that exists",
            reproduce=("kubectl", "get", "ingressclasses"),
        )
    else:
        missing = f"no file gives its class {name}; the cluster that it will be applied to may have it"
        yield Unknown(CODE, Ref("Ingress", ingress.namespace, ingress.name), missing)
