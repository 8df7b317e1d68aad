"""Service (core/v1): the stable name and address in front of pods. Source: kubernetes/api core/v1."""

from __future__ import annotations

from msgspec import field

from kinspect.model.meta import Condition, Fact, Labels, Object

DEFAULT_AFFINITY_TIMEOUT_S = 10_800


class ServicePort(Fact, frozen=True):
    """One row of `spec.ports`. `name` "" = unnamed; `target_port` None = the same number as `port`."""

    name: str = ""
    protocol: str = "TCP"
    app_protocol: str | None = None
    port: int = 0
    target_port: int | str | None = None
    node_port: int | None = None


class ClientIPConfig(Fact, frozen=True):
    timeout_seconds: int | None = None


class SessionAffinityConfig(Fact, frozen=True):
    client_ip: ClientIPConfig | None = field(default=None, name="clientIP")


class ServiceSpec(Fact, frozen=True):
    """`selector` None or {} = others write the slices. `cluster_ip` "None" = headless, "" = not given."""

    type: str = "ClusterIP"
    selector: Labels | None = None
    ports: tuple[ServicePort, ...] = ()
    cluster_ip: str = field(default="", name="clusterIP")
    cluster_ips: tuple[str, ...] = field(default=(), name="clusterIPs")
    external_ips: tuple[str, ...] = field(default=(), name="externalIPs")
    external_name: str = ""
    ip_families: tuple[str, ...] = ()
    ip_family_policy: str | None = None
    session_affinity: str = "None"
    session_affinity_config: SessionAffinityConfig | None = None
    external_traffic_policy: str | None = None
    internal_traffic_policy: str | None = None
    traffic_distribution: str | None = None
    publish_not_ready_addresses: bool = False
    load_balancer_ip: str = field(default="", name="loadBalancerIP")
    load_balancer_class: str | None = None
    load_balancer_source_ranges: tuple[str, ...] = ()
    allocate_load_balancer_node_ports: bool | None = None
    health_check_node_port: int | None = None


class PortStatus(Fact, frozen=True):
    port: int = 0
    protocol: str = "TCP"
    error: str | None = None


class LoadBalancerIngress(Fact, frozen=True):
    """An address of a balancer, for Services and Ingresses. `ip_mode`: VIP or Proxy, None with a hostname."""

    ip: str = ""
    hostname: str = ""
    ip_mode: str | None = None
    ports: tuple[PortStatus, ...] = ()


class LoadBalancerStatus(Fact, frozen=True):
    ingress: tuple[LoadBalancerIngress, ...] = ()


class ServiceStatus(Fact, frozen=True):
    load_balancer: LoadBalancerStatus = LoadBalancerStatus()
    conditions: tuple[Condition, ...] = ()


class Service(Object, frozen=True):
    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus = ServiceStatus()

    @property
    def headless(self) -> bool:
        return self.spec.type != "ExternalName" and self.spec.cluster_ip == "None"

    @property
    def virtual_ips(self) -> tuple[str, ...]:
        """The cluster IPs, primary first; () for headless, ExternalName and not yet allocated ones."""
        spec = self.spec
        if spec.type == "ExternalName" or spec.cluster_ip in ("", "None"):
            return ()
        return spec.cluster_ips or (spec.cluster_ip,)
