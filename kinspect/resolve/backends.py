"""What stands behind a Service: its slices merged into one list of backends, per port or per address.

Theory of operation:

1. A Service's endpoints are the union of all its slices, whoever wrote them. Only `addresses[0]` of an
   endpoint counts. A slice port feeds the Service port of the same name and protocol; a slice port without
   a number feeds nothing.
2. The same backend may stand in several slices at once, while the controller moves it. It is one backend;
   the newest slice tells its state, and `slices` names them all.
3. Nothing is left out here because of its state: choosing is `traffic`'s business.

Source: discovery/v1/types.go; kube-proxy endpointslicecache.go; KEP-752 (duplicates).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from kinspect.model.endpointslice import Endpoint, EndpointHints, EndpointPort, EndpointSlice
from kinspect.model.meta import Fact, Key
from kinspect.model.pod import Pod
from kinspect.model.service import Service, ServicePort
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.membership import pod_of, promised_pods, selected_pods, slices_of
from kinspect.resolve.ports import belongs
from kinspect.resolve.service_class import families_of


class Backend(Fact, frozen=True):
    """A candidate for traffic. `pod` None = not a pod that is known; `node` None = local to no node.

    `port` None (and `protocol` "") = the address alone, whatever the port.
    """

    address: str
    port: int | None
    protocol: str
    address_type: str
    pod: Key | None
    node: str | None
    zone: str | None
    hostname: str | None
    ready: bool
    serving: bool
    terminating: bool
    hints: EndpointHints | None
    slices: tuple[str, ...]

    @property
    def usable(self) -> bool:
        """Whether a proxy takes it at all, somewhere: ready, or the last resort."""
        return self.ready or self.fallback

    @property
    def fallback(self) -> bool:
        """Whether a proxy takes it when no ready one is left: still serving while it terminates."""
        return self.serving and self.terminating


class UnmatchedPort(Fact, frozen=True):
    """A slice port that no port of the Service names, so no traffic ever reaches it."""

    slice: str
    name: str
    protocol: str
    port: int | None


class Behind:
    """Everything behind one Service in one snapshot, each part worked out when first asked for.

    It is made anew for each Service that is looked at, and lives as long as the look: whoever asks several
    things about one Service asks the same Behind.
    """

    def __init__(self, snapshot: Snapshot, service: Service) -> None:
        self.snapshot = snapshot
        self.service = service
        self._by_port: dict[ServicePort, tuple[Backend, ...]] = {}

    @cached_property
    def slices(self) -> tuple[EndpointSlice, ...]:
        return slices_of(self.snapshot, self.service)

    @cached_property
    def pods(self) -> tuple[Pod, ...]:
        return selected_pods(self.snapshot, self.service)

    @cached_property
    def port_bearers(self) -> tuple[Pod, ...] | None:
        """The pods whose port names count: the live ones, or what files promise; None = not known."""
        known = self.snapshot.covers("Pod", self.service.namespace)
        if self.pods:
            return tuple(pod for pod in self.pods if not pod.terminal) if known else None
        return promised_pods(self.snapshot, self.service) or (() if known else None)

    @cached_property
    def endpoints(self) -> tuple[Backend, ...]:
        """The addresses that the slices list, whatever the ports, by address: who is listed at all."""
        return _merged(self.snapshot, ((slice_, _ADDRESS_ONLY) for slice_ in self.slices))

    @cached_property
    def reachable(self) -> tuple[Backend, ...]:
        """The endpoints of a family that the Service's clients use, in whatever state."""
        families = families_of(self.service)
        return tuple(each for each in self.endpoints if each.address_type in families)

    @cached_property
    def unmatched_ports(self) -> tuple[UnmatchedPort, ...]:
        """The slice ports that no Service port names, by slice and name."""
        return tuple(
            UnmatchedPort(slice_.name, each.name or "", each.protocol or "TCP", each.port)
            for slice_ in self.slices
            for each in sorted(slice_.ports, key=lambda port: (port.name or "", port.protocol or "TCP"))
            if not any(belongs(each, port) for port in self.service.spec.ports)
        )

    def backends(self, port: ServicePort) -> tuple[Backend, ...]:
        """The backends of one port of the Service, by address and port."""
        found = self._by_port.get(port)
        if found is None:
            feeding = (
                (slice_, each) for slice_ in self.slices for each in slice_.ports if belongs(each, port)
            )
            found = self._by_port[port] = _merged(self.snapshot, feeding)
        return found


def backends(snapshot: Snapshot, service: Service, port: ServicePort) -> tuple[Backend, ...]:
    """The backends of one Service port, by address and port."""
    return Behind(snapshot, service).backends(port)


_ADDRESS_ONLY = EndpointPort(protocol="", port=0)


def _merged(snapshot: Snapshot, feeding: Iterable[tuple[EndpointSlice, EndpointPort]]) -> tuple[Backend, ...]:
    """The endpoints of these slices at these ports, each backend once."""
    entries: dict[tuple[str, int], list[tuple[EndpointSlice, Endpoint, EndpointPort]]] = {}
    for slice_, port in feeding:
        if port.port is not None:
            for endpoint in slice_.endpoints:
                if endpoint.addresses:
                    entry = (endpoint.addresses[0], port.port)
                    entries.setdefault(entry, []).append((slice_, endpoint, port))
    return tuple(_backend(snapshot, entries[entry]) for entry in sorted(entries))


def _backend(snapshot: Snapshot, entries: list[tuple[EndpointSlice, Endpoint, EndpointPort]]) -> Backend:
    """The one backend that these entries are."""
    if len(entries) == 1:
        names: tuple[str, ...] = (entries[0][0].metadata.name,)
        newest = entries[0]
    else:
        names = tuple(sorted({slice_.metadata.name for slice_, _, _ in entries}))
        newest = max(entries, key=lambda entry: _age(entry[0]))
    slice_, endpoint, port = newest
    return Backend(
        address=endpoint.addresses[0],
        port=None if port is _ADDRESS_ONLY else port.port,
        protocol="" if port is _ADDRESS_ONLY else port.protocol or "TCP",
        address_type=slice_.address_type,
        pod=pod_of(snapshot, slice_, endpoint),
        node=endpoint.node_name,
        zone=endpoint.zone,
        hostname=endpoint.hostname,
        ready=endpoint.ready,
        serving=endpoint.serving,
        terminating=endpoint.terminating,
        hints=endpoint.hints,
        slices=names,
    )


def _age(slice_: EndpointSlice) -> tuple[int, str]:
    """Orders slices from oldest to newest: by resourceVersion where there is one, then by name."""
    version = slice_.metadata.resource_version
    return int(version) if version.isdecimal() else 0, slice_.name
