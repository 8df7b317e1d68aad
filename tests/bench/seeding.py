"""The large cluster as etcd keeps it: every object under its key, as JSON, written without an API server.

An API server reads what it finds there as it reads its own: apiVersion and kind must be in the object. A
Service needs its IPAddress beside it, labelled as the allocator's own, and a ServiceCIDR around that: else
the API server makes 10,000 anew while it starts, and gives up after a minute.
"""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator
from typing import Any

from tests.bench import objects
from tests.bench.objects import TIME, Size, encoded

REQUEST_BYTES = 4_000_000
COLLECTIONS = {
    # API path → apiVersion, kind, and where in etcd
    "/api/v1/namespaces": ("v1", "Namespace", "namespaces"),
    "/api/v1/nodes": ("v1", "Node", "minions"),
    "/api/v1/services": ("v1", "Service", "services/specs"),
    "/apis/discovery.k8s.io/v1/endpointslices": ("discovery.k8s.io/v1", "EndpointSlice", "endpointslices"),
    "/api/v1/pods": ("v1", "Pod", "pods"),
}
ADDRESSES = "10.0.0.0/9"
"""The Services of `objects` have theirs in here."""
ALLOCATED = {
    "ipaddress.kubernetes.io/ip-family": "IPv4",
    "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
}


def seed(address: tuple[str, int], size: Size) -> int:
    """Writes everything into the etcd that listens at `address`; answers how many objects that were."""
    connection = http.client.HTTPConnection(*address, timeout=60)
    written = 0
    for puts in _requests(size):
        connection.request("POST", "/v3/kv/txn", encoded({"success": puts}))
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"etcd: {answer.status} {body[:300]!r}")
        written += len(puts)
    connection.close()
    return written


def _requests(size: Size) -> Iterator[list[dict[str, Any]]]:
    """One transaction after the other, each of a few megabytes."""
    puts, weight = [], 0
    for key, value in entries(size):
        put = {"key": _text(f"/registry/{key}".encode()), "value": _text(value)}
        puts.append({"requestPut": put})
        weight += len(put["value"])
        if weight > REQUEST_BYTES:
            yield puts
            puts, weight = [], 0
    yield puts


def entries(size: Size) -> Iterator[tuple[str, bytes]]:
    """Every object: its key below /registry, and itself."""
    yield _networking("ServiceCIDR", "servicecidrs", "bench", {"cidrs": [ADDRESSES]}, {})
    for path, (version, kind, place) in COLLECTIONS.items():
        for item in objects.items(path, size):
            found = json.loads(item)
            name, namespace = found["metadata"]["name"], found["metadata"].get("namespace", "")
            key = "/".join(part for part in (place, namespace, name) if part)
            yield key, encoded({"apiVersion": version, "kind": kind}).rstrip(b"}") + b"," + item[1:]
            if kind == "Service":
                parent = {"group": "", "resource": "services", "namespace": namespace, "name": name}
                ip = found["spec"]["clusterIP"]
                yield _networking("IPAddress", "ipaddresses", ip, {"parentRef": parent}, ALLOCATED)


def _networking(
    kind: str, place: str, name: str, spec: dict[str, Any], labels: dict[str, str]
) -> tuple[str, bytes]:
    meta = {"name": name, "uid": f"{kind.lower()}-{name}", "creationTimestamp": TIME, "labels": labels}
    return f"{place}/{name}", encoded(
        {"apiVersion": "networking.k8s.io/v1", "kind": kind, "metadata": meta, "spec": spec}
    )


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
