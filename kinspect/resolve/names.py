"""The DNS records that a Service should have, by the DNS specification for Kubernetes (schema 1.1.0).

Theory of operation:

1. A Service with a virtual IP answers with that IP, one record per family, whether or not it has backends.
   Its SRV records carry the *Service* port, for named ports only.
2. A headless Service answers with every ready endpoint. Each endpoint has a name of its own: its hostname if
   it has one, else its address with dashes (CoreDNS's way, unless it is told to use pod names). Its SRV
   records carry the *endpoint's* port.
3. An ExternalName Service is a CNAME. CoreDNS has nothing for one that names an address: NXDOMAIN.
4. The reverse of a cluster IP is the Service's name; that of a headless Service's endpoint is the endpoint's.

The zone is the cluster's domain. It is not in any object, so it comes in as an argument.
Source: kubernetes/dns docs/specification.md §2.3 to §2.5; coredns plugin/kubernetes (endpointHostname).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from kinspect.model.meta import Fact
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.addresses import parse_address
from kinspect.resolve.backends import Backend, Behind
from kinspect.resolve.service_class import class_of

DEFAULT_ZONE = "cluster.local"

RecordType = Literal["A", "AAAA", "CNAME", "SRV", "PTR"]


class Record(Fact, frozen=True):
    """One expected record. `value` is an address or a name, for SRV "PORT TARGET". No name ends in a dot."""

    name: str
    type: RecordType
    value: str


def name_of(service: Service, zone: str = DEFAULT_ZONE) -> str:
    """The Service's full name."""
    return f"{service.name}.{service.namespace}.svc.{zone}"


def short_names(service: Service) -> tuple[str, ...]:
    """The names that the search list of a pod completes: the first only in the Service's own namespace."""
    return (service.name, f"{service.name}.{service.namespace}", f"{service.name}.{service.namespace}.svc")


def records(snapshot: Snapshot, service: Service, zone: str = DEFAULT_ZONE) -> tuple[Record, ...]:
    """Every record that the Service should have now: () where a headless Service has no ready endpoint."""
    match class_of(service):
        case "ExternalName":
            found = _of_alias(service, zone)
        case "headless":
            found = _of_headless(snapshot, service, zone)
        case _:
            found = _of_virtual_ip(service, zone)
    return tuple(dict.fromkeys(found))


def endpoint_label(backend: Backend) -> str:
    """The first label of an endpoint's own name."""
    return backend.hostname or backend.address.replace(".", "-").replace(":", "-")


def is_alias(service: Service) -> bool:
    """Whether the external name is one that a CNAME can hold."""
    target = service.spec.external_name.rstrip(".")
    return bool(target) and parse_address(target) is None


def _of_alias(service: Service, zone: str) -> Iterator[Record]:
    if is_alias(service):
        yield Record(name_of(service, zone), "CNAME", service.spec.external_name.rstrip("."))


def _of_virtual_ip(service: Service, zone: str) -> Iterator[Record]:
    name = name_of(service, zone)
    for ip in service.virtual_ips:
        yield from _address_records(name, ip)
    if service.virtual_ips:
        for port in service.spec.ports:
            if port.name:
                yield Record(_srv_name(port.name, port.protocol, name), "SRV", f"{port.port} {name}")
        for ip in service.virtual_ips:
            yield from _reverse(ip, name)


def _of_headless(snapshot: Snapshot, service: Service, zone: str) -> Iterator[Record]:
    name = name_of(service, zone)
    behind = Behind(snapshot, service)
    ready = [each for each in behind.endpoints if each.ready and each.address_type != "FQDN"]
    for each in ready:
        yield from _address_records(name, each.address)
    for each in ready:
        yield from _address_records(f"{endpoint_label(each)}.{name}", each.address)
    for port in service.spec.ports:
        for each in behind.backends(port) if port.name else ():
            if each.ready and each.address_type != "FQDN":
                target = f"{endpoint_label(each)}.{name}"
                yield Record(_srv_name(port.name, port.protocol, name), "SRV", f"{each.port} {target}")
    for each in ready:
        yield from _reverse(each.address, f"{endpoint_label(each)}.{name}")


def _srv_name(port: str, protocol: str, name: str) -> str:
    return f"_{port}._{protocol.lower()}.{name}"


def _address_records(name: str, ip: str) -> Iterator[Record]:
    parsed = parse_address(ip)
    if parsed is not None:
        yield Record(name, "A" if parsed.version == 4 else "AAAA", str(parsed))


def _reverse(ip: str, name: str) -> Iterator[Record]:
    parsed = parse_address(ip)
    if parsed is not None:
        yield Record(parsed.reverse_pointer, "PTR", name)
