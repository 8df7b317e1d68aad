"""An Ingress has no class

What it finds: an Ingress with neither `spec.ingressClassName` nor the annotation
`kubernetes.io/ingress.class`, that no controller has given an address.

Why it matters: most controllers ignore an Ingress without a class. A default class helps only when the
Ingress is created, by being written into it.

How to fix: write the name of an IngressClass into `spec.ingressClassName`.

Source: networking/v1 IngressSpec.ingressClassName; the DefaultIngressClass admission plugin.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.ingress import Ingress
from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.applied import applied
from kinspect.rules._words import get, some

CODE = "ING104"
SEVERITY: Severity = "warning"
SUBJECTS = ("Ingress",)
NEEDS = ()
CONSULTS = ("IngressClass",)

HEALTHY = """\
kind: Ingress
apiVersion: networking.k8s.io/v1
metadata: {name: shop, namespace: shop, uid: 5ca1ab1e}
spec: {rules: [{host: shop.example.com}]}
status: {loadBalancer: {ingress: [{ip: 192.0.2.80}]}}
"""
BROKEN = HEALTHY.replace("{ingress: [{ip: 192.0.2.80}]}", "{}")


def applies(ingress: Ingress) -> bool:
    annotated = ingress.metadata.annotations.ingress_class
    served = ingress.status.load_balancer.ingress
    return applied(ingress) and not ingress.spec.ingress_class_name and not annotated and not served


def check(ingress: Ingress, snapshot: Snapshot) -> Iterator[Finding]:
    there = some(sorted(key.name for key in snapshot.of("IngressClass")))
    yield Finding(
        CODE,
        SEVERITY,
        Ref("Ingress", ingress.namespace, ingress.name),
        "it has no class and no address: most controllers ignore it",
        field="spec.ingressClassName",
        expected=f"the name of an IngressClass: {there}" if there else "the name of an IngressClass",
        seen="none",
        fix="write the name of an IngressClass into spec.ingressClassName",
        reproduce=get("ingress", ingress),
    )
