"""Ingress and IngressClass (networking.k8s.io/v1). Source: kubernetes/api networking/v1/types.go."""

from __future__ import annotations

from kinspect.model.meta import Fact, Object
from kinspect.model.service import LoadBalancerStatus


class ServiceBackendPort(Fact, frozen=True):
    """The *Service* port, by name or by number (never the target port)."""

    name: str = ""
    number: int | None = None


class IngressServiceBackend(Fact, frozen=True):
    name: str = ""
    port: ServiceBackendPort = ServiceBackendPort()


class TypedLocalObjectReference(Fact, frozen=True):
    api_group: str | None = None
    kind: str = ""
    name: str = ""


class IngressBackend(Fact, frozen=True):
    """Exactly one of the two; the Service lies in the Ingress's own namespace."""

    service: IngressServiceBackend | None = None
    resource: TypedLocalObjectReference | None = None


class HTTPIngressPath(Fact, frozen=True):
    path: str = ""
    path_type: str | None = None
    backend: IngressBackend = IngressBackend()


class HTTPIngressRuleValue(Fact, frozen=True):
    paths: tuple[HTTPIngressPath, ...] = ()


class IngressRule(Fact, frozen=True):
    """`host` "" = every host; `*.suffix` covers exactly one label."""

    host: str = ""
    http: HTTPIngressRuleValue | None = None


class IngressTLS(Fact, frozen=True):
    hosts: tuple[str, ...] = ()
    secret_name: str = ""


class IngressSpec(Fact, frozen=True):
    ingress_class_name: str | None = None
    default_backend: IngressBackend | None = None
    rules: tuple[IngressRule, ...] = ()
    tls: tuple[IngressTLS, ...] = ()


class IngressStatus(Fact, frozen=True):
    load_balancer: LoadBalancerStatus = LoadBalancerStatus()


class Ingress(Object, frozen=True):
    spec: IngressSpec = IngressSpec()
    status: IngressStatus = IngressStatus()


class IngressClassSpec(Fact, frozen=True):
    controller: str = ""


class IngressClass(Object, frozen=True):
    spec: IngressClassSpec = IngressClassSpec()
