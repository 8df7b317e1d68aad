"""What a name of the cluster's DNS domain stands for, from the objects of the API. No DNS messages here.

Names, from the right: the domain, `svc` or `pod`, the namespace, the Service; left of it at most an endpoint
(`web-0.web…`) or a port and protocol (`_http._tcp.web…`). A name exists if something stands behind it: a
headless Service without ready endpoints does not exist, one with a cluster IP always does.
Source: Kubernetes DNS specification 1.1.0, and CoreDNS's kubernetes plugin where that says nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address
from typing import NamedTuple

from kinspect.model.endpointslice import Endpoint, EndpointSlice
from kinspect.model.meta import Key
from kinspect.model.service import Service

SPECIFICATION = "1.1.0"
CLUSTER_DNS = Key("kube-system", "kube-dns")


class Target(NamedTuple):
    """An address behind a name; `host` is its own name, left of the domain; `port` None = none of use."""

    address: str
    port: int | None
    host: str


class Found(NamedTuple):
    """A name that exists; without anything in it only as the parent of others."""

    targets: tuple[Target, ...] = ()
    alias: str = ""
    text: str = ""


class _Asked(NamedTuple):
    """What stands left of the Service; "" = nothing."""

    endpoint: str = ""
    port: str = ""
    protocol: str = ""

    def wants(self, port: str, protocol: str) -> bool:
        return self.port in ("", port) and self.protocol in ("", protocol.lower())


@dataclass(frozen=True)
class Zone:
    """The objects and the settings that answers follow from.

    `upstream` stands for the resolver behind the cluster's: foreign names and their addresses; every other
    foreign name does not exist. `nameserver` is the Service in front of the DNS pods. `serial` is the SOA's.
    """

    services: tuple[Service, ...] = ()
    slices: tuple[EndpointSlice, ...] = ()
    namespaces: frozenset[str] = frozenset()
    domain: str = "cluster.local"
    ttl_s: int = 30
    serial: int = 1
    nameserver: Key = CLUSTER_DNS
    upstream: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def find(self, labels: tuple[str, ...]) -> Found | None:
        """What the lower-case name left of the domain stands for; None = there is no such name."""
        match labels:
            case () | ("svc",) | ("pod",):
                return Found()
            case ("dns-version",):
                return Found(text=SPECIFICATION)
            case (*_, namespace, "svc" | "pod") if namespace not in self.namespaces:
                return None
            case (_, "svc" | "pod"):
                return Found()
            case (pod, _, "pod"):
                return _pod(pod)
            case (service, namespace, "svc"):
                return self._service(Key(namespace, service), _Asked())
            case (endpoint, service, namespace, "svc"):
                return self._service(Key(namespace, service), _Asked(endpoint))
            case (port, protocol, service, namespace, "svc"):
                asked = _Asked(port=port.removeprefix("_"), protocol=protocol.removeprefix("_"))
                return self._service(Key(namespace, service), asked)
        return None

    def names_of(self, address: str) -> tuple[str, ...]:
        """The names of an address, left of the domain: the Service that owns it, or else each endpoint's."""
        return self._names_of_services.get(address) or tuple(self._names_of_endpoints.get(address, ()))

    def _service(self, key: Key, asked: _Asked) -> Found | None:
        service = self._by_key.get(key)
        if service is None:
            return None
        if service.spec.type == "ExternalName":
            alone = asked == _Asked() and not _is_address(service.spec.external_name)
            return Found(alias=service.spec.external_name) if alone else None
        if service.headless or asked.endpoint:
            found = tuple(self._endpoints(key, asked))
        else:
            host = f"{key.name}.{key.namespace}.svc"
            found = tuple(
                Target(address, port.port, host)
                for address in service.virtual_ips
                for port in service.spec.ports
                if asked.wants(port.name, port.protocol)
            )
        return Found(found) if found else None

    def _endpoints(self, key: Key, asked: _Asked) -> Iterator[Target]:
        for each in self._slices_of.get(key, ()):
            # Slices without ports belong to headless Services: their addresses count, but for no port.
            ports = [(port.name or "", port.protocol or "TCP", port.port) for port in each.ports]
            for endpoint in _ready(each):
                name = _host_name(endpoint)
                if asked.endpoint not in ("", name):
                    continue
                for port, protocol, number in ports or [("", "", None)]:
                    if asked.wants(port, protocol):
                        yield Target(endpoint.address, number, f"{name}.{key.name}.{key.namespace}.svc")

    @cached_property
    def _by_key(self) -> dict[Key, Service]:
        return {each.key: each for each in self.services}

    @cached_property
    def _slices_of(self) -> dict[Key, list[EndpointSlice]]:
        found: dict[Key, list[EndpointSlice]] = defaultdict(list)
        for each in sorted(self.slices, key=lambda each: each.key):
            if each.service and each.address_type in ("IPv4", "IPv6"):
                found[each.service].append(each)
        return dict(found)

    @cached_property
    def _names_of_services(self) -> dict[str, tuple[str, ...]]:
        return {
            address: (f"{each.name}.{each.namespace}.svc",)
            for each in self.services
            for address in each.virtual_ips
        }

    @cached_property
    def _names_of_endpoints(self) -> dict[str, dict[str, None]]:
        found: dict[str, dict[str, None]] = defaultdict(dict)
        for key, slices in self._slices_of.items():
            for each in slices if key in self._by_key else ():
                for endpoint in _ready(each):
                    name = f"{_host_name(endpoint)}.{key.name}.{key.namespace}.svc"
                    found[endpoint.address][name] = None
        return dict(found)


def _ready(slice_: EndpointSlice) -> Iterator[Endpoint]:
    return (each for each in slice_.endpoints if each.ready and each.address)


def _host_name(endpoint: Endpoint) -> str:
    """The pod's own name under its governing Service, or its address with dashes."""
    return endpoint.hostname or endpoint.address.replace(".", "-").replace(":", "-")


def _pod(label: str) -> Found | None:
    """The address that the label spells: `pods insecure` echoes it, whether such a pod exists or not."""
    address = label.replace("-", "." if label.count("-") == 3 and "--" not in label else ":")
    return Found((Target(address, None, ""),)) if _is_address(address) else None


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
