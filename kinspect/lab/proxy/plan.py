"""One Service port as one node's proxy has to treat it: what both rule languages are written from.

Source: kube-proxy newBaseServiceInfo, ShouldSkipService and the head of syncProxyRules.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Literal

from kinspect.lab.proxy.choice import Choice, backends, choose
from kinspect.lab.proxy.names import service_port_name
from kinspect.lab.proxy.world import World, ipv4_addresses
from kinspect.model.endpointslice import EndpointSlice
from kinspect.model.meta import Key
from kinspect.model.service import DEFAULT_AFFINITY_TIMEOUT_S, Service, ServicePort

OTHER_PROXY = "service.kubernetes.io/service-proxy-name"
HEADLESS = "service.kubernetes.io/headless"

Verdict = Literal["REJECT", "DROP"]


@dataclass(frozen=True, slots=True)
class Plan:
    """`node_port` and `health_check_node_port` 0 = none; `affinity_timeout_s` None = no affinity."""

    namespace: str
    service: str
    port_name: str
    protocol: str
    cluster_ip: str
    port: int
    node_port: int
    external_ips: tuple[str, ...]
    balancer_ips: tuple[str, ...]
    source_ranges: tuple[str, ...]
    health_check_node_port: int
    affinity_timeout_s: int | None
    internal_local: bool
    external_local: bool
    choice: Choice

    @property
    def name(self) -> str:
        return service_port_name(self.namespace, self.service, self.port_name)

    @property
    def exposed(self) -> bool:
        """Whether it can be reached by anything but its cluster IP."""
        return bool(self.node_port or self.external_ips or self.balancer_ips)

    @property
    def has_internal(self) -> bool:
        return bool(self.choice.local) if self.internal_local else self.choice.anywhere

    @property
    def has_external(self) -> bool:
        return bool(self.choice.local) if self.external_local else self.choice.anywhere

    @property
    def has_external_chain(self) -> bool:
        """Also without external endpoints: pods and the node itself take the short circuit in it."""
        return self.exposed and self.choice.anywhere

    @property
    def verdict(self) -> Verdict:
        """For traffic without endpoints: refused if there are none anywhere, else dropped in silence."""
        return "DROP" if self.choice.anywhere else "REJECT"


def plans(world: World, node_name: str) -> tuple[Plan, ...]:
    """The plans of all Service ports that this node's proxy handles, ordered by name and protocol."""
    slices: dict[Key, list[EndpointSlice]] = defaultdict(list)
    for each in sorted(world.slices, key=lambda each: each.key):
        if each.service and each.address_type == "IPv4" and not _other_label(each.metadata.labels):
            slices[each.service].append(each)
    node = world.node(node_name)
    found = (
        _plan(service, cluster_ip, port, slices[service.key], node_name, node.zone if node else None)
        for service in world.services
        for cluster_ip in ipv4_addresses(service.virtual_ips)[:1]
        if OTHER_PROXY not in service.metadata.labels
        for port in service.spec.ports
    )
    return tuple(sorted(found, key=lambda each: (each.name, each.protocol)))


def _other_label(labels: dict[str, str]) -> bool:
    """Slices that a proxy does not watch: another proxy's, and those of headless Services."""
    return OTHER_PROXY in labels or HEADLESS in labels


def _plan(
    service: Service,
    cluster_ip: str,
    port: ServicePort,
    slices: list[EndpointSlice],
    node_name: str,
    zone: str | None,
) -> Plan:
    spec = service.spec
    external_ips = ipv4_addresses(spec.external_ips)
    balancer_ips = ipv4_addresses(
        each.ip for each in service.status.load_balancer.ingress if each.ip and each.ip_mode != "Proxy"
    )
    exposed = bool(port.node_port or external_ips or balancer_ips)
    external_local = spec.external_traffic_policy == "Local" and (
        spec.type in ("NodePort", "LoadBalancer") or bool(spec.external_ips)
    )
    internal_local = spec.internal_traffic_policy == "Local"
    checked = spec.type == "LoadBalancer" and external_local
    return Plan(
        namespace=service.namespace,
        service=service.name,
        port_name=port.name,
        protocol=port.protocol.lower(),
        cluster_ip=cluster_ip,
        port=port.port,
        node_port=port.node_port or 0,
        external_ips=external_ips,
        balancer_ips=balancer_ips,
        source_ranges=_ipv4_ranges(spec.load_balancer_source_ranges),
        health_check_node_port=(spec.health_check_node_port or 0) if checked else 0,
        affinity_timeout_s=_affinity_timeout_s(service),
        internal_local=internal_local,
        external_local=external_local,
        choice=choose(
            backends(slices, port.name, port.protocol, node_name),
            node_name,
            zone,
            # Under policy Local the Cluster endpoints serve the short circuits of pods and of the node.
            cluster=not internal_local or exposed,
            local=internal_local or (external_local and exposed),
        ),
    )


def _affinity_timeout_s(service: Service) -> int | None:
    if service.spec.session_affinity != "ClientIP":
        return None
    config = service.spec.session_affinity_config
    written = config.client_ip.timeout_seconds if config and config.client_ip else None
    return DEFAULT_AFFINITY_TIMEOUT_S if written is None else written


def _ipv4_ranges(ranges: Iterable[str]) -> tuple[str, ...]:
    """The ranges of this family, as networks. Validation lets blanks pass, so kube-proxy takes them off."""
    found = []
    for each in ranges:
        try:
            found.append(str(IPv4Network(each.strip(), strict=False)))
        except ValueError:
            continue  # another family's, or none: kube-proxy skips it as well
    return tuple(found)
