"""Manifests into the Store: in an order that works, with the certificates that they ask for."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable

from kinspect.errors import UsageError
from kinspect.lab import fields
from kinspect.lab.certificates import Pair
from kinspect.lab.status import Json, Rejection
from kinspect.lab.store import Store

TLS_HOSTS = "lab.kinspect/tls-hosts"
"""On a Secret of type kubernetes.io/tls: host names, comma separated, that its certificate is to have."""

Issue = Callable[..., Pair]
"""Makes a certificate for names: `Authority.issue`."""

_FIRST = (
    "Namespace",
    "Node",
    "ServiceCIDR",
    "IngressClass",
    "ServiceAccount",
    "ConfigMap",
    "Secret",
    "Service",
)
"""Others need these: a pod its namespace, an Ingress its class, variables of a pod the Services before it."""


def apply(store: Store, items: Iterable[Json], issue: Issue) -> None:
    """Creates or replaces the objects, in order of need. Raises UsageError for one that the API refuses."""
    for item in sorted(items, key=_place):
        _require_served(store, item)
        _require_known_fields(item)
        try:
            _write(store, _with_certificate(item, issue))
        except Rejection as rejection:
            name = item.get("metadata", {}).get("name", "")
            raise UsageError(f"{item.get('kind')} {name}: {rejection}", "mend the manifest") from rejection


def _write(store: Store, item: Json) -> None:
    meta = dict(item.get("metadata") or {})
    if store.resources[item["kind"]].namespaced:
        meta.setdefault("namespace", "default")
    exists = store.find(item["kind"], meta.get("namespace", ""), meta.get("name", "")) is not None
    (store.replace if exists else store.create)({**item, "metadata": meta})


def _require_served(store: Store, item: Json) -> None:
    """Raises UsageError for a kind that the lab does not have, or not in this version."""
    kind, version = item.get("kind", ""), item.get("apiVersion", "")
    resource = store.resources.get(kind)
    name = f"{kind} {item.get('metadata', {}).get('name', '')}"
    if resource is None:
        raise UsageError(
            f"{name}: the lab has no kind {kind}", f"leave it out; there are {', '.join(store.resources)}"
        )
    if version != resource.api_version:
        told = f"{name}: the lab serves {kind} as {resource.api_version}, not as {version or 'nothing'}"
        raise UsageError(told, f"write apiVersion: {resource.api_version}, and the fields of that version")


def _require_known_fields(item: Json) -> None:
    """Raises UsageError for a field that the kind does not have, as `kubectl create` would refuse it."""
    name = f"{item['kind']} {item.get('metadata', {}).get('name', '')}"
    try:
        unknown = fields.check(item).unknown
    except fields.WrongType as error:
        raise UsageError(f"{name}: {error}", "mend the manifest") from error
    if unknown:
        told = ", ".join(f'unknown field "{path}"' for path in unknown)
        raise UsageError(f"{name}: {told}", "mend the manifest; fields of old versions may be gone")


def _place(item: Json) -> int:
    kind = item.get("kind")
    return _FIRST.index(kind) if kind in _FIRST else len(_FIRST)


def _with_certificate(item: Json, issue: Issue) -> Json:
    hosts = (item.get("metadata", {}).get("annotations") or {}).get(TLS_HOSTS)
    if item.get("kind") != "Secret" or not hosts or item.get("data"):
        return item
    pair = issue(*(host.strip() for host in hosts.split(",")))
    data = {"tls.crt": b64encode(pair.certificate).decode(), "tls.key": b64encode(pair.key).decode()}
    return {**item, "data": data}
