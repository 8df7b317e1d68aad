"""A Service is handed to another proxy

What it finds: the label `service.kubernetes.io/service-proxy-name` on a Service with a cluster IP.

Why it matters: kube-proxy ignores such a Service, whatever the label's value. Unless the named proxy runs,
its cluster IP answers nothing, although API and DNS look healthy.

How to fix: run that proxy, or remove the label.

Source: kube-proxy ShouldSkipService; core/v1 LabelServiceProxyName.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.service_class import PROXY_NAME, has_virtual_ip
from kinspect.rules._words import get, service_ref

CODE = "SVC108"
SEVERITY: Severity = "info"
SUBJECTS = ("Service",)
NEEDS = ()

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {selector: {app: web}, clusterIP: 10.96.0.20, ports: [{port: 80}]}
"""
BROKEN = HEALTHY.replace("labels: {app: web}}", "labels: {service.kubernetes.io/service-proxy-name: mesh}}")


def applies(service: Service) -> bool:
    return PROXY_NAME in service.metadata.labels and has_virtual_ip(service)


def check(service: Service, _snapshot: Snapshot) -> Iterator[Finding]:
    proxy = service.metadata.labels[PROXY_NAME]
    yield Finding(
        CODE,
        SEVERITY,
        service_ref(service),
        f"kube-proxy leaves it to the proxy {proxy or '(no name)'}; where that does not run, nothing answers",
        field=f"metadata.labels[{PROXY_NAME}]",
        expected="no such label, or a proxy that serves it",
        seen=proxy,
        fix="run that proxy, or remove the label",
        reproduce=get("service", service),
    )
