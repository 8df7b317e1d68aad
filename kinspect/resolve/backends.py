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

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

from kinspect.model.endpointslice import Endpoint, EndpointHints, EndpointPort, EndpointSlice
from kinspect.model.meta import Fact, Key
from kinspect.model.pod import Pod
from kinspect.model.service import Service, ServicePort
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.membership import pod_of, promised_pods, selected, slices_of
from kinspect.resolve.ports import belongs, joined_by, target_of, target_on
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


class UndeclaredPort(NamedTuple):
    """A Service port whose targetPort is a name. `without`: those of the pods that do not declare it."""

    place: int
    port: ServicePort
    name: str
    pods: list[Pod]
    without: list[Pod]


Entry = tuple[EndpointSlice, Endpoint, Key | None]
"""An endpoint as one slice lists it, and the pod behind it."""


class Behind:
    """Everything behind one Service in one snapshot, each part worked out when first asked for.

    It is made anew for each Service that is looked at, and lives as long as the look: whoever asks several
    things about one Service asks the same Behind.
    """

    def __init__(self, snapshot: Snapshot, service: Service) -> None:
        self.snapshot = snapshot
        self.service = service
        self.slices = slices_of(snapshot, service)
        self.entries: list[Entry] = [
            (slice_, endpoint, pod_of(snapshot, slice_, endpoint))
            for slice_ in self.slices
            for endpoint in slice_.endpoints
        ]
        """Every endpoint of every slice, with the pod behind it."""
        self._by_port: dict[ServicePort, tuple[Backend, ...]] = {}

    @cached_property
    def pods(self) -> Mapping[Key, Pod]:
        return selected(self.snapshot, self.service)

    @property
    def port_bearers(self) -> list[Pod] | None:
        """The pods whose port names count: the live ones, or what files promise; None = not known."""
        known = self.snapshot.covers("Pod", self.service.namespace)
        if self.pods:
            return [pod for pod in self.pods.values() if not pod.terminal] if known else None
        return promised_pods(self.snapshot, self.service) or ([] if known else None)

    @cached_property
    def undeclared(self) -> list[UndeclaredPort] | None:
        """The ports whose targetPort is a name that some of the port bearers do not declare; None = the pods
        are not known."""
        bearers = self.port_bearers
        if bearers is None:
            return None
        found = []
        for n, port in enumerate(self.service.spec.ports):
            name = target_of(port)
            if isinstance(name, str):
                without = [pod for pod in bearers if target_on(pod, port) is None]
                if without:
                    found.append(UndeclaredPort(n, port, name, bearers, without))
        return found

    @cached_property
    def endpoints(self) -> tuple[Backend, ...]:
        """The addresses that the slices list, whatever the ports, by address: who is listed at all."""
        return _merged((entry, _ADDRESS_ONLY) for entry in self.entries)

    @cached_property
    def reachable(self) -> tuple[Backend, ...]:
        """The endpoints of a family that the Service's clients use, in whatever state."""
        families = families_of(self.service)
        if all(slice_.address_type in families for slice_ in self.slices):
            return self.endpoints
        return tuple(each for each in self.endpoints if each.address_type in families)

    @property
    def unmatched_ports(self) -> tuple[UnmatchedPort, ...]:
        """The slice ports that no Service port names, by slice and name."""
        wanted = {(port.name, port.protocol) for port in self.service.spec.ports}
        found = [
            UnmatchedPort(slice_.name, *joined, each.port)
            for slice_ in self.slices
            for each in slice_.ports
            if (joined := joined_by(each)) not in wanted
        ]
        return tuple(sorted(found, key=lambda each: (each.slice, each.name, each.protocol)))

    @property
    def fed(self) -> set[tuple[str, str]]:
        """Name and protocol of the Service ports that have any backend, in whatever state."""
        return {
            joined_by(each)
            for slice_ in self.slices
            if any(endpoint.addresses for endpoint in slice_.endpoints)
            for each in slice_.ports
            if each.port is not None
        }

    def backends(self, port: ServicePort) -> tuple[Backend, ...]:
        """The backends of one port of the Service, by address and port."""
        found = self._by_port.get(port)
        if found is None:
            found = self._by_port[port] = _merged(
                (entry, each) for entry in self.entries for each in entry[0].ports if belongs(each, port)
            )
        return found


def backends(snapshot: Snapshot, service: Service, port: ServicePort) -> tuple[Backend, ...]:
    """The backends of one Service port, by address and port."""
    return Behind(snapshot, service).backends(port)


_ADDRESS_ONLY = EndpointPort(protocol="", port=0)


def _merged(feeding: Iterable[tuple[Entry, EndpointPort]]) -> tuple[Backend, ...]:
    """What these entries list at these ports, each backend once."""
    found: dict[tuple[str, int], list[tuple[Entry, EndpointPort]]] = {}
    for entry, port in feeding:
        addresses = entry[1].addresses
        if addresses and port.port is not None:
            found.setdefault((addresses[0], port.port), []).append((entry, port))
    return tuple(_backend(found[each]) for each in sorted(found))


def _backend(found: list[tuple[Entry, EndpointPort]]) -> Backend:
    """The one backend that these entries are."""
    (slice_, endpoint, pod), port = found[0]
    names: tuple[str, ...] = (slice_.name,)
    if len(found) > 1:
        (slice_, endpoint, pod), port = max(found, key=lambda each: _age(each[0][0]))
        names = tuple(sorted({entry[0].name for entry, _ in found}))
    return Backend(
        address=endpoint.addresses[0],
        port=None if port is _ADDRESS_ONLY else port.port,
        protocol="" if port is _ADDRESS_ONLY else port.protocol or "TCP",
        address_type=slice_.address_type,
        pod=pod,
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
