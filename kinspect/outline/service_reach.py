"""Who may use which backend of a Service: per node, what its proxy chooses from, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from kinspect.model.service import Service, ServicePort
from kinspect.model.snapshot import Snapshot
from kinspect.outline.rows import Role, Span
from kinspect.outline.sections import Section, Words, labelled
from kinspect.resolve.backends import Behind
from kinspect.resolve.traffic import Choice, Client, Traffic, choose

Family = Literal["IPv4", "IPv6"]
MOST_NODES = 3
"""How many nodes with the same answer are named before the rest is only counted."""


def who_may_use(snapshot: Snapshot, service: Service) -> Iterator[Section]:
    """A section for each kind of traffic; nodes with the same answer share a line."""
    if not service.virtual_ips or not snapshot.covers("EndpointSlice", service.namespace):
        return
    if not snapshot.nodes:
        yield Section("Who may use which backend", ((Span("nodes are not known", "unknown"),),))
        return
    behind = Behind(snapshot, service)
    yield Section("A pod's request to the cluster IP", tuple(_lines(behind, "internal")))
    if service.spec.type in ("NodePort", "LoadBalancer") or service.spec.external_ips:
        yield Section("A request from outside, by the node it enters", tuple(_lines(behind, "external")))


def _lines(behind: Behind, traffic: Traffic) -> Iterator[Words]:
    for port in behind.service.spec.ports:
        for choice, nodes in _by_choice(behind, port, traffic).items():
            yield _line(port, choice, nodes)


def _by_choice(behind: Behind, port: ServicePort, traffic: Traffic) -> dict[Choice, list[str]]:
    """Each different choice, with the nodes where the proxy makes it."""
    service, found = behind.service, behind.backends(port)
    family: Family = "IPv6" if ":" in service.virtual_ips[0] else "IPv4"
    grouped: dict[Choice, list[str]] = {}
    for key, node in sorted(behind.snapshot.nodes.items()):
        client = Client(key.name, node.zone, "pod" if traffic == "internal" else "outside")
        grouped.setdefault(choose(service, found, client, traffic, family), []).append(key.name)
    return grouped


_ROLE: dict[str, Role] = {"backends": "ready", "refused": "broken", "silent": "broken"}


def _line(port: ServicePort, choice: Choice, nodes: list[str]) -> Words:
    more = f" and {len(nodes) - MOST_NODES} more" if len(nodes) > MOST_NODES else ""
    label = f"{port.name or port.port} on {', '.join(nodes[:MOST_NODES])}{more}"
    if choice.outcome == "backends":
        addresses = ", ".join(
            f"{each.pod.name if each.pod else each.address}" for each in choice.backends[:4]
        )
        rest = f" and {len(choice.backends) - 4} more" if len(choice.backends) > 4 else ""
        return (*labelled(label, f"{addresses}{rest}", _ROLE[choice.outcome]), Span(choice.because, "dim"))
    return (*labelled(label, choice.because, _ROLE[choice.outcome]),)
