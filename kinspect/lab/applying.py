"""Manifests into the Store: in an order that works, with the certificates that they ask for."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable

from kinspect.errors import UsageError
from kinspect.lab.certificates import Pair
from kinspect.lab.status import Json, Rejection
from kinspect.lab.store import Store

TLS_HOSTS = "lab.kinspect/tls-hosts"
"""On a Secret of type kubernetes.io/tls: host names, comma separated, for which the lab makes a certificate."""

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
    """Creates the objects, those first that others need. Raises UsageError for one that the API refuses."""
    for item in sorted(items, key=_place):
        try:
            store.create(_with_certificate(item, issue))
        except Rejection as rejection:
            name = item.get("metadata", {}).get("name", "")
            raise UsageError(f"{item.get('kind')} {name}: {rejection}", "mend the manifest") from rejection


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
