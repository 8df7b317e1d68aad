"""Ingresses. Source: apis/networking/validation, and the DefaultIngressClass admission plug-in."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from kinspect.lab.admission import causes
from kinspect.lab.status import Cause, Json

if TYPE_CHECKING:
    from kinspect.lab.store import Store

_CLASS = "kubernetes.io/ingress.class"
_DEFAULT = "ingressclass.kubernetes.io/is-default-class"
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")


def default(store: Store, old: Json | None, new: Json) -> None:
    spec: Json = new.setdefault("spec", {})
    new.setdefault("status", {"loadBalancer": {}})
    annotated = _CLASS in new["metadata"].get("annotations", {})
    if old is None and "ingressClassName" not in spec and not annotated:
        chosen = _default_class(store)
        if chosen:
            spec["ingressClassName"] = chosen


def validate(store: Store, old: Json | None, new: Json) -> list[Cause]:
    spec = new["spec"]
    found: list[Cause] = []
    annotation = new["metadata"].get("annotations", {}).get(_CLASS)
    name = spec.get("ingressClassName")
    if old is None and annotation is not None and name is not None and annotation != name:
        told = "must match `ingressClassName` when both are specified"
        found.append(causes.invalid("metadata.annotations[kubernetes.io/ingress.class]", annotation, told))
    if not spec.get("rules") and not spec.get("defaultBackend"):
        told = "either `defaultBackend` or `rules` must be specified"
        found.append(causes.invalid("spec", spec.get("rules"), told))
    if spec.get("defaultBackend"):
        found += _of_backend(spec["defaultBackend"], "spec.defaultBackend")
    for index, rule in enumerate(spec.get("rules") or ()):
        found += _of_rule(rule, f"spec.rules[{index}]")
    return found


def _default_class(store: Store) -> str:
    """The name of the newest class that is marked as default; "" without one."""
    marked = [
        item["metadata"]
        for item in store.list("IngressClass")
        if item["metadata"].get("annotations", {}).get(_DEFAULT) == "true"
    ]
    newest = max((meta["creationTimestamp"] for meta in marked), default="")
    return min((str(m["name"]) for m in marked if m["creationTimestamp"] == newest), default="")


def _of_rule(rule: Json, path: str) -> list[Cause]:
    host = rule.get("host") or ""
    found = _of_host(host, f"{path}.host") if host else []
    if rule.get("http") is not None:
        paths = rule["http"].get("paths") or []
        if not paths:
            found.append(causes.required(f"{path}.http.paths"))
        for index, each in enumerate(paths):
            found += _of_path(each, f"{path}.http.paths[{index}]")
    return found


def _of_host(host: str, field: str) -> list[Cause]:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return [causes.invalid(field, host, "must be a DNS name, not an IP address")]
    if "*" not in host:
        return causes.subdomain(field, host)
    if host.startswith("*.") and not causes.subdomain(field, host.removeprefix("*.")):
        return []
    told = (
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must "
        "consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character "
        "(e.g. '*.example.com', regex used for validation is "
        "'\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    )
    return [causes.invalid(field, host, told)]


def _of_path(each: Json, path: str) -> list[Cause]:
    kind, text = each.get("pathType"), each.get("path") or ""
    if kind is None:
        return [causes.required(f"{path}.pathType", "pathType must be specified")]
    if kind not in _PATH_TYPES:
        return [causes.not_supported(f"{path}.pathType", kind, _PATH_TYPES)]
    found = []
    if not text.startswith("/") and (text or kind != "ImplementationSpecific"):
        found.append(causes.invalid(f"{path}.path", text, "must be an absolute path"))
    return found + _of_backend(each.get("backend") or {}, f"{path}.backend")


def _of_backend(backend: Json, path: str) -> list[Cause]:
    service = backend.get("service")
    if service and backend.get("resource"):
        return [causes.invalid(path, "", "cannot set both resource and service backends")]
    if backend.get("resource"):
        return []
    if not service:
        return [causes.invalid(path, "", "resource or service backend is required")]
    found = []
    if not service.get("name"):
        found.append(causes.required(f"{path}.service.name"))
    port = service.get("port") or {}
    if port.get("name") and port.get("number"):
        found.append(causes.invalid(path, "", "cannot set both port name & port number"))
    elif port.get("name"):
        found += causes.port_name(f"{path}.service.port.name", port["name"])
    elif port.get("number"):
        found += causes.port_number(f"{path}.service.port.number", port["number"])
    else:
        found.append(causes.required(path, "port name or number is required"))
    return found
