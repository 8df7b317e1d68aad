"""What can be traced of an object, in the words that `kinspect trace` takes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kinspect.model.ingress import Ingress
from kinspect.model.meta import Ref
from kinspect.model.pod import Pod
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot


class Target(NamedTuple):
    """`words` are for the trace, in `namespace`; `note` tells the person what they mean."""

    words: str
    namespace: str
    note: str


def targets(snapshot: Snapshot, ref: Ref) -> list[Target]:
    """What can be traced of this object, the likeliest first; [] where nothing listens by nature."""
    found = snapshot.get(ref)
    if isinstance(found, Service):
        return list(_of_service(snapshot, found))
    if isinstance(found, Pod):
        return list(_of_pod(found))
    if isinstance(found, Ingress):
        return list(_of_ingress(found))
    return []


def _of_service(snapshot: Snapshot, service: Service) -> Iterator[Target]:
    for port in service.spec.ports:
        note = f"{port.protocol} {port.name}".strip()
        yield Target(f"svc/{service.name}:{port.name or port.port}", service.namespace, note)
    for port in service.spec.ports:
        for node in sorted(snapshot.nodes) if port.node_port else ():
            yield Target(
                f"node/{node.name}:{port.node_port}", service.namespace, f"{port.protocol} node port"
            )
    for balancer in service.status.load_balancer.ingress:
        for port in service.spec.ports if balancer.ip else ():
            yield Target(f"{balancer.ip}:{port.port}", service.namespace, f"{port.protocol} load balancer")


def _of_pod(pod: Pod) -> Iterator[Target]:
    for container in pod.spec.serving_containers:
        for port in container.ports:
            note = f"{port.protocol} {port.name}, past every Service".replace(" ,", ",")
            yield Target(f"pod/{pod.name}:{port.container_port}", pod.namespace, note)


def _of_ingress(ingress: Ingress) -> Iterator[Target]:
    secure = {host for tls in ingress.spec.tls for host in tls.hosts}
    for rule in ingress.spec.rules:
        if rule.host.startswith("*") or not rule.host:
            continue  # a request needs a whole name
        for path in rule.http.paths if rule.http else ():
            for scheme in ("http", "https") if rule.host in secure else ("http",):
                yield Target(
                    f"{scheme}://{rule.host}{path.path or '/'}", ingress.namespace, "through the Ingress"
                )
