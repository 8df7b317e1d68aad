"""The details of a Service: how it is reached, what its policies mean, who may use which backend."""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.service import DEFAULT_AFFINITY_TIMEOUT_S, Service
from kinspect.model.snapshot import Snapshot
from kinspect.outline import policies
from kinspect.outline.rows import Span
from kinspect.outline.sections import Section, labelled, present
from kinspect.outline.service_names import dns_names
from kinspect.outline.service_reach import who_may_use
from kinspect.outline.words import type_words
from kinspect.resolve.addresses import range_of, service_ranges
from kinspect.resolve.membership import selected_pods
from kinspect.resolve.routes import routes_to


def service_sections(snapshot: Snapshot, service: Service) -> Iterator[Section]:
    yield Section("Service", present(("type", type_words(service)), ("selector", _selector(service))))
    yield _addresses(snapshot, service)
    yield Section("Policies", _policies(service))
    yield from who_may_use(snapshot, service)
    yield policies.of_pods(snapshot, selected_pods(snapshot, service))
    yield dns_names(snapshot, service)
    yield Section(
        "Routes that lead here",
        tuple(
            (Span(f"{route.kind} {route.name}"), Span(f"{route.host or '*'}{route.path}", "address"))
            for route in routes_to(snapshot, service.key)
        ),
    )


def _selector(service: Service) -> str:
    return " ".join(f"{key}={value}" for key, value in sorted((service.spec.selector or {}).items()))


def _addresses(snapshot: Snapshot, service: Service) -> Section:
    spec = service.spec
    balancer = [
        f"{each.ip or each.hostname}{f' ({each.ip_mode})' if each.ip_mode else ''}"
        for each in service.status.load_balancer.ingress
    ]
    pending = "pending" if spec.type == "LoadBalancer" and not balancer else ""
    node_ports = " ".join(f"{port.node_port}/{port.protocol}" for port in spec.ports if port.node_port)
    return Section(
        "Addresses",
        present(
            ("clusterIPs", " ".join(spec.cluster_ips) or spec.cluster_ip),
            ("out of", "; ".join(_ranges(snapshot, service))),
            ("families", " ".join(filter(None, (*spec.ip_families, spec.ip_family_policy)))),
            ("load balancer", " ".join(balancer) or pending),
            ("externalIPs", " ".join(spec.external_ips)),
            ("nodePorts", node_ports),
            ("alias of", spec.external_name if spec.type == "ExternalName" else ""),
        ),
    )


def _ranges(snapshot: Snapshot, service: Service) -> Iterator[str]:
    """Where each cluster IP comes from; nothing in clusters that declare no ranges."""
    for address in service.virtual_ips if service_ranges(snapshot) else ():
        found = range_of(snapshot, address)
        if found is None:
            yield f"{address} is in no ServiceCIDR"
        else:
            yield f"{found.cidr} ({found.source}), the {found.band} band"


def _policies(service: Service) -> tuple[tuple[Span, ...], ...]:
    spec = service.spec
    if spec.type == "ExternalName" or service.headless:
        published = "yes: DNS lists pods that are not ready" if spec.publish_not_ready_addresses else ""
        return present(("publishNotReadyAddresses", published))
    lines = [
        labelled(
            "inside the cluster",
            _INTERNAL.get(spec.internal_traffic_policy or "Cluster", spec.internal_traffic_policy or ""),
        )
    ]
    if spec.type in ("NodePort", "LoadBalancer") or spec.external_ips:
        lines.append(
            labelled(
                "from outside",
                _EXTERNAL.get(spec.external_traffic_policy or "Cluster", spec.external_traffic_policy or ""),
            )
        )
    lines.append(labelled("affinity", _affinity(service)))
    return (
        *lines,
        *present(
            ("trafficDistribution", spec.traffic_distribution),
            ("topology-mode", service.metadata.annotations.topology_mode),
            ("loadBalancerClass", spec.load_balancer_class),
            ("source ranges", " ".join(spec.load_balancer_source_ranges)),
            ("healthCheckNodePort", spec.health_check_node_port),
            (
                "publishNotReadyAddresses",
                "yes: also to pods not ready" if spec.publish_not_ready_addresses else "",
            ),
        ),
    )


_INTERNAL = {
    "Cluster": "internalTrafficPolicy Cluster: every client may use every ready backend",
    "Local": "internalTrafficPolicy Local: only backends on the client's own node, else silence",
}
_EXTERNAL = {
    "Cluster": "externalTrafficPolicy Cluster: a node forwards to every ready backend, hiding the client",
    "Local": "externalTrafficPolicy Local: a node forwards only to its own backends, keeping the client",
}


def _affinity(service: Service) -> str:
    if service.spec.session_affinity != "ClientIP":
        return "none: each connection is balanced alone"
    config = service.spec.session_affinity_config
    timeout = (
        config.client_ip.timeout_seconds if config and config.client_ip else None
    ) or DEFAULT_AFFINITY_TIMEOUT_S
    return (
        f"ClientIP: a client keeps its backend until {timeout} s after its last connection, per node and port"
    )
