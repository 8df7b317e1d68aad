"""The kinds that need a default or two, and no more."""

from __future__ import annotations

import ipaddress
from base64 import b64encode
from typing import TYPE_CHECKING

from kinspect.lab.admission import causes
from kinspect.lab.status import Cause, Json

if TYPE_CHECKING:
    from kinspect.lab.store import Store

PERMANENT_NAMESPACES = ("default", "kube-public", "kube-system")


def keep(store: Store, old: Json | None, new: Json) -> None:
    """No field has a default."""


def default_namespace(store: Store, old: Json | None, new: Json) -> None:
    meta = new["metadata"]
    meta["labels"] = {**meta.get("labels", {}), "kubernetes.io/metadata.name": meta["name"]}
    if old is None:
        new["spec"] = {"finalizers": ["kubernetes"]}
        new["status"] = {"phase": "Active"}


def default_network_policy(store: Store, old: Json | None, new: Json) -> None:
    """Without `policyTypes`: Ingress always, Egress when there are egress rules."""
    spec: Json = new.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for rule in (spec.get("ingress") or []) + (spec.get("egress") or []):
        for port in rule.get("ports") or ():
            port.setdefault("protocol", "TCP")


def default_secret(store: Store, old: Json | None, new: Json) -> None:
    new.setdefault("type", "Opaque")
    for key, value in (new.pop("stringData", None) or {}).items():
        new.setdefault("data", {})[key] = b64encode(str(value).encode()).decode()


def validate_secret(store: Store, old: Json | None, new: Json) -> list[Cause]:
    needed = ("tls.crt", "tls.key") if new["type"] == "kubernetes.io/tls" else ()
    data = new.get("data") or {}
    return [causes.required(f"data[{key}]") for key in needed if key not in data]


def validate_ingress_class(store: Store, old: Json | None, new: Json) -> list[Cause]:
    return [] if (new.get("spec") or {}).get("controller") else [causes.required("spec.controller")]


def validate_service_cidr(store: Store, old: Json | None, new: Json) -> list[Cause]:
    cidrs = (new.get("spec") or {}).get("cidrs")
    if not cidrs:
        return [causes.required("spec.cidrs", "at least one CIDR required")]
    found = []
    for index, cidr in enumerate(cidrs):
        try:
            ipaddress.ip_network(cidr)
        except ValueError:
            told = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
            found.append(causes.invalid(f"spec.cidrs[{index}]", cidr, told))
    return found


def default_service_cidr(store: Store, old: Json | None, new: Json) -> None:
    ready = {
        "type": "Ready",
        "status": "True",
        "lastTransitionTime": store.time(),
        "reason": "",
        "message": "Kubernetes Service CIDR is ready",
    }
    new.setdefault("status", {"conditions": [ready]})
