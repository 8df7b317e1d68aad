"""The selector matches no pod

What it finds: a Service whose `spec.selector` matches no Pod of its namespace.

Why it matters: without pods there are no endpoints. The Service's name still resolves, and connections to its
cluster IP are refused at once.

How to fix: make the selector equal to labels that the pods carry. The finding names what comes near: pods
that differ in one label, pods in another namespace, workloads that would make such pods but run none.

Source: core/v1 ServiceSpec.selector; endpointslice reconciler.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity, Unknown
from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.applied import applied
from kinspect.resolve.backends import Behind
from kinspect.resolve.membership import has_selector
from kinspect.resolve.near import NearLabel, NearMiss, near_misses
from kinspect.rules._words import count, selector_text, service_ref, some

CODE = "SVC101"
SEVERITY: Severity = "error"
SUBJECTS = ("Service",)
LOOKS_BEHIND = True
NEEDS = ("Pod",)
SEARCHES = ("Pod", "Deployment", "StatefulSet", "DaemonSet")

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop}
spec: {selector: {app: web, tier: front}, clusterIP: 10.96.0.20, ports: [{port: 80, targetPort: 8080}]}
---
kind: Pod
apiVersion: v1
metadata: {name: web-1, namespace: shop, labels: {app: web, tier: front}}
status: {podIP: 10.244.1.5, conditions: [{type: Ready, status: "True"}]}
"""
BROKEN = HEALTHY.replace("labels: {app: web, tier: front}", "labels: {app: web, tier: frontend}")

applies = has_selector


def check(found: Behind, snapshot: Snapshot) -> Iterator[Finding | Unknown]:
    service = found.service
    if found.pods:
        return
    selector = service.spec.selector or {}
    near = near_misses(snapshot, service.namespace, selector)
    going = "; the Service is itself being deleted" if service.metadata.deletion_timestamp else ""
    hint = going or _hint(near)
    for ref, replicas in near.workloads:
        workload = snapshot.get(ref)
        if replicas != 0 and workload is not None and not applied(workload):
            makes = f"{ref.kind} {ref.name} will make such pods once it is applied"
            yield Unknown(CODE, service_ref(service), makes)
            return
    yield Finding(
        CODE,
        SEVERITY,
        service_ref(service),
        f"no pod in namespace {service.namespace} has the labels {selector_text(selector)}{hint}",
        field="spec.selector",
        expected="labels of at least one pod in the Service's namespace",
        seen=_seen(near) or "no pod comes near it",
        fix="see what still holds it: its metadata.finalizers, or its namespace's" if going else _fix(near),
        reproduce=("kubectl", "-n", service.namespace, "get", "pods", "--show-labels"),
    )


def _hint(near: NearMiss) -> str:
    """The likeliest explanation, short enough for the message."""
    if near.workloads:
        return f"; {_workload(*near.workloads[0])}"
    if near.labels:
        return f"; {_label(near.labels[0])}"
    if near.namespaces:
        return f"; such pods are in namespace {some(near.namespaces)}"
    return ""


def _seen(near: NearMiss) -> str:
    found = [_workload(*each) for each in near.workloads[:3]]
    found += [_label(each) for each in near.labels]
    if near.namespaces:
        found.append(f"pods with these labels in namespace {some(near.namespaces)}")
    return "; ".join(found)


def _fix(near: NearMiss) -> str:
    for ref, replicas in near.workloads[:1]:
        on = f"kubectl -n {ref.namespace}"
        if replicas == 0:
            return f"scale it up: {on} scale {ref.kind.lower()} {ref.name} --replicas=1"
        return f"see why it makes no pods: {on} describe {ref.kind.lower()} {ref.name}"
    for one in near.labels[:1]:
        label = f"{one.key}={one.wanted}"
        if one.seen is None:
            return f"label the pods {label}, or take {one.key} out of the selector"
        return f"write {one.seen_key}: {one.seen} into spec.selector, or label the pods {label}"
    if near.namespaces:
        return "a selector never leaves its namespace: move the Service, or the pods"
    return "correct spec.selector, or start pods with these labels"


def _label(near: NearLabel) -> str:
    pods = f"{count(near.pods, 'pod')} {'has' if near.pods == 1 else 'have'}"
    if not near.pods:
        pods = "a workload's template has"
    if near.seen is None:
        return f"{pods} the rest but no label {near.key}"
    return f"{pods} {near.seen_key}={near.seen} where it wants {near.key}={near.wanted}"


def _workload(ref: Ref, replicas: int | None) -> str:
    wants = "but is scaled to 0" if replicas == 0 else "but runs no pod"
    return f"{ref.kind} {ref.name} would make such pods {wants}"
