"""Which endpoints this node's proxy may choose for a Service port. IPv4 only.

1. Every slice of the Service adds its endpoints for the port's name and protocol, under `ip:port`. An
   endpoint that terminates never replaces one that is there already (a pod's address may be used again).
2. *Cluster* scope: all ready endpoints, narrowed by topology hints; if none is ready, those that serve while
   they terminate, hints ignored.
3. *Local* scope: the same among the endpoints of this node, hints ignored; it falls back on its own.
4. Hints count only if every ready endpoint has them and one names this node (else: this node's zone).

Source: kube-proxy CategorizeEndpoints, topologyModeFromHints, EndpointSliceCache.addEndpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kinspect.model.endpointslice import Endpoint, EndpointSlice


@dataclass(frozen=True, slots=True)
class Backend:
    """One endpoint under one port. `zones` and `nodes` are its hints, {} = it has none."""

    address: str
    port: int
    local: bool
    ready: bool
    serving: bool
    terminating: bool
    zones: frozenset[str]
    nodes: frozenset[str]

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"

    @property
    def last_resort(self) -> bool:
        """Serves while it terminates: used only where no ready endpoint is left."""
        return self.serving and self.terminating


@dataclass(frozen=True, slots=True)
class Choice:
    """The candidates by scope, each in the order in which kube-proxy numbers them.

    `reachable` are those that this node's rules name at all; `anywhere` tells whether the Service port has
    any usable endpoint on any node: what decides between a rejection and a silent drop.
    """

    cluster: tuple[Backend, ...]
    local: tuple[Backend, ...]
    reachable: tuple[Backend, ...]
    anywhere: bool


def backends(
    slices: Iterable[EndpointSlice], port_name: str, protocol: str, node_name: str
) -> tuple[Backend, ...]:
    """All endpoints of one Service port, in the order of `ip:port` as text, usable or not."""
    found: dict[str, Backend] = {}
    for each in slices:
        for port in each.ports:
            if (port.name or "", port.protocol or "TCP") != (port_name, protocol) or not port.port:
                continue
            for endpoint in each.endpoints:
                backend = _backend(endpoint, port.port, node_name)
                if endpoint.address and (str(backend) not in found or not backend.terminating):
                    found[str(backend)] = backend
    return tuple(found[key] for key in sorted(found))


def choose(
    candidates: tuple[Backend, ...], node_name: str, zone: str | None, *, cluster: bool, local: bool
) -> Choice:
    """What this node may choose; `cluster` and `local` say which scopes the Service port uses at all."""
    ready = tuple(each for each in candidates if each.ready)
    last = tuple(each for each in candidates if not each.ready and each.last_resort)
    in_cluster = (_near(ready, node_name, zone) or last) if cluster else ()
    here = (
        (tuple(each for each in ready if each.local) or tuple(each for each in last if each.local))
        if local
        else ()
    )
    reachable = {str(each): each for each in (*in_cluster, *here)}
    return Choice(in_cluster, here, tuple(reachable[key] for key in sorted(reachable)), bool(ready or last))


def _near(ready: tuple[Backend, ...], node_name: str, zone: str | None) -> tuple[Backend, ...]:
    """The ready endpoints hinted for this node, or for its zone, or all of them."""
    scopes: tuple[tuple[Callable[[Backend], frozenset[str]], str | None], ...] = (
        (lambda each: each.nodes, node_name),
        (lambda each: each.zones, zone),
    )
    for hints, place in scopes:
        if all(hints(each) for each in ready):
            hinted = tuple(each for each in ready if place in hints(each))
            if hinted:
                return hinted
    return ready


def _backend(endpoint: Endpoint, port: int, node_name: str) -> Backend:
    hints = endpoint.hints
    return Backend(
        address=endpoint.address,
        port=port,
        local=endpoint.node_name == node_name,
        ready=endpoint.ready,
        # A proxy reads an unwritten `serving` as true, whatever `ready` says.
        serving=endpoint.conditions.serving is not False,
        terminating=endpoint.terminating,
        zones=frozenset(each.name for each in hints.for_zones) if hints else frozenset(),
        nodes=frozenset(each.name for each in hints.for_nodes) if hints else frozenset(),
    )
