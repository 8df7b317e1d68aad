"""A StatefulSet's governing Service is missing

What it finds: a StatefulSet whose `spec.serviceName` names no Service of its namespace.

Why it matters: the pods' own DNS names, `POD.SERVICE.NAMESPACE.svc`, exist only if a Service of exactly this
name selects the pods. Without it peers that look for each other by name do not find anybody.

How to fix: create a headless Service of this name that selects the pods. The field itself cannot be changed
later.

Source: apps/v1 StatefulSetSpec.serviceName; endpointslice ShouldSetHostname.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.meta import Key, Ref
from kinspect.model.pod import StatefulSet
from kinspect.model.snapshot import Snapshot
from kinspect.rules._words import get

CODE = "SVC110"
SEVERITY: Severity = "warning"
SUBJECTS = ("StatefulSet",)
NEEDS = ("Service",)
EVERYWHERE = ("Service",)

HEALTHY = """\
kind: StatefulSet
apiVersion: apps/v1
metadata: {name: db, namespace: shop}
spec: {serviceName: db, template: {metadata: {labels: {app: db}}}}
---
kind: Service
apiVersion: v1
metadata: {name: db, namespace: shop}
spec: {selector: {app: db}, clusterIP: None, ports: [{port: 5432}]}
"""
BROKEN = HEALTHY.replace("serviceName: db", "serviceName: db-peers")


def applies(each: StatefulSet) -> bool:
    return bool(each.spec.service_name)


def check(each: StatefulSet, snapshot: Snapshot) -> Iterator[Finding]:
    name = each.spec.service_name
    if Key(each.namespace, name) not in snapshot.services:
        yield Finding(
            CODE,
            SEVERITY,
            Ref("StatefulSet", each.namespace, each.name),
            f"its governing Service {name} does not exist, so its pods have no DNS names",
            field="spec.serviceName",
            expected="a headless Service that selects the pods",
            seen=name,
            fix=f"create a headless Service {name}",
            reproduce=get("statefulset", each),
        )
