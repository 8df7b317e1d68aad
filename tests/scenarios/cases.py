"""Everything that can be connected to on a ground: one case per client, Service port and way.

A case names the node where the connection first meets the rules of a Service, and where it then comes from
as that node sees it. How: a cluster IP, an external IP and a balancer's address are translated by the
client's own node, wherever they live; a node port only by the node that has the address.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kinspect.model.meta import Key
from kinspect.model.service import Service, ServicePort
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.traffic import Origin, Traffic


class Way(NamedTuple):
    """An address and port of a Service. `node` = whose address it is, None = nobody's, or not a node's."""

    service: Key
    port: ServicePort
    kind: str
    address: str
    number: int
    traffic: Traffic
    node: str | None


class Case(NamedTuple):
    """One connection to be made: from a place, to an address."""

    client: str
    way: Way
    node: str
    origin: Origin

    def __str__(self) -> str:
        way = self.way
        name = f"{way.service.namespace}/{way.service.name}"
        return f"{self.client} -> {way.kind} of {name} {way.address}:{way.number}"


def ways(snapshot: Snapshot) -> Iterator[Way]:
    """Every address and port of every Service that has rules."""
    owners = {ip: node.name for node in snapshot.nodes.values() for ip in node.internal_ips}
    for key, service in sorted(snapshot.services.items()):
        for port in service.spec.ports:
            for address in service.virtual_ips:
                yield Way(key, port, "cluster IP", address, port.port, "internal", None)
            for address, node in owners.items() if port.node_port else ():
                yield Way(key, port, "node port", address, port.node_port or 0, "external", node)
            for address in service.spec.external_ips:
                yield Way(key, port, "external IP", address, port.port, "external", owners.get(address))
            for address in _balancer_ips(service):
                yield Way(key, port, "balancer", address, port.port, "external", None)


def cases(snapshot: Snapshot, clients: Iterable[str], modes: dict[str, str]) -> list[Case]:
    """Every connection whose fate the objects alone decide. Left out are:

    - from outside: what is not routed to one known node;
    - from a process of a node in iptables mode: an address that is not its own, when nobody is behind it.
      That is not refused there, since the rule for it is not asked on the way out of the node.
    """
    made = (
        Case(client, way, *meeting)
        for client in clients
        for way in ways(snapshot)
        if (meeting := _meeting(snapshot, client, way))
    )
    return [case for case in made if not _unasked(case, modes)]


def _meeting(snapshot: Snapshot, client: str, way: Way) -> tuple[str, Origin] | None:
    """The node where a connection meets the Service's rules, and its origin there. None = nowhere."""
    if client == "client":
        return (way.node, "outside") if way.traffic == "external" and way.node else None
    kind, *name = client.split("/")
    own = name[0] if kind == "node" else snapshot.pods[Key(*name)].spec.node_name
    if way.kind == "node port" and way.node and way.node != own:
        return way.node, "outside"
    return own, "node" if kind == "node" else "pod"


def _unasked(case: Case, modes: dict[str, str]) -> bool:
    elsewhere = case.way.kind in ("external IP", "balancer") and case.way.node != case.node
    return case.origin == "node" and modes[case.node] == "iptables" and elsewhere


def _balancer_ips(service: Service) -> list[str]:
    """Those that nodes translate for everybody: with source ranges, who is let in is another question."""
    entries = () if service.spec.load_balancer_source_ranges else service.status.load_balancer.ingress
    return [each.ip for each in entries if each.ip and each.ip_mode in (None, "VIP")]
