"""Pod (core/v1) and the workloads that make pods (apps/v1). Source: kubernetes/api, types.go of both."""

from __future__ import annotations

from msgspec import field

from kinspect.model.meta import Condition, Fact, Labels, Meta, Object, condition


class ContainerPort(Fact, frozen=True):
    """A declared port: a name for others to use, and otherwise only information."""

    name: str = ""
    container_port: int = 0
    protocol: str = "TCP"
    host_port: int | None = None
    host_ip: str = field(default="", name="hostIP")


class HTTPGet(Fact, frozen=True):
    path: str = ""
    port: int | str = 0
    scheme: str = ""


class TCPSocket(Fact, frozen=True):
    port: int | str = 0


class Probe(Fact, frozen=True):
    """A probe by HTTP or TCP; both None = by exec or gRPC."""

    http_get: HTTPGet | None = None
    tcp_socket: TCPSocket | None = None


class Container(Fact, frozen=True):
    """`restart_policy` "Always" on an init container makes it a sidecar, whose port names count."""

    name: str = ""
    image: str = ""
    ports: tuple[ContainerPort, ...] = ()
    readiness_probe: Probe | None = None
    restart_policy: str | None = None


class DNSOption(Fact, frozen=True):
    name: str = ""
    value: str | None = None


class PodDNSConfig(Fact, frozen=True):
    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[DNSOption, ...] = ()


class HostAlias(Fact, frozen=True):
    ip: str = ""
    hostnames: tuple[str, ...] = ()


class ReadinessGate(Fact, frozen=True):
    condition_type: str = ""


class PodSpec(Fact, frozen=True):
    node_name: str = ""
    host_network: bool = False
    hostname: str = ""
    subdomain: str = ""
    service_account_name: str = ""
    dns_policy: str = "ClusterFirst"
    dns_config: PodDNSConfig | None = None
    enable_service_links: bool = True
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    readiness_gates: tuple[ReadinessGate, ...] = ()
    host_aliases: tuple[HostAlias, ...] = ()

    @property
    def serving_containers(self) -> tuple[Container, ...]:
        """Containers whose port names a Service may use, in the order in which they are looked through."""
        if not self.init_containers:
            return self.containers
        return self.containers + tuple(c for c in self.init_containers if c.restart_policy == "Always")


class PodIP(Fact, frozen=True):
    ip: str = ""


class StateRunning(Fact, frozen=True):
    started_at: str | None = None


class StateWaiting(Fact, frozen=True):
    reason: str = ""
    message: str = ""


class StateTerminated(Fact, frozen=True):
    reason: str = ""
    exit_code: int = 0


class ContainerState(Fact, frozen=True):
    running: StateRunning | None = None
    waiting: StateWaiting | None = None
    terminated: StateTerminated | None = None


class ContainerStatus(Fact, frozen=True):
    name: str = ""
    ready: bool = False
    restart_count: int = 0
    state: ContainerState = ContainerState()


class PodStatus(Fact, frozen=True):
    phase: str = ""
    reason: str = ""
    message: str = ""
    pod_ip: str = field(default="", name="podIP")
    pod_ips: tuple[PodIP, ...] = field(default=(), name="podIPs")
    host_ip: str = field(default="", name="hostIP")
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()


class Pod(Object, frozen=True):
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def ips(self) -> tuple[str, ...]:
        """Its addresses, primary first; () before it has one. A hostNetwork pod has its node's."""
        return tuple(each.ip for each in self.status.pod_ips) or (
            (self.status.pod_ip,) if self.status.pod_ip else ()
        )

    @property
    def ready(self) -> bool:
        found = condition(self.status.conditions, "Ready")
        return found is not None and found.status == "True"

    @property
    def terminating(self) -> bool:
        return self.metadata.deletion_timestamp is not None

    @property
    def terminal(self) -> bool:
        """Succeeded or Failed: such a pod is in no slice (endpointslice ShouldPodBeInEndpoints)."""
        return self.status.phase in ("Succeeded", "Failed")


class LabelSelectorRequirement(Fact, frozen=True):
    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()


class LabelSelector(Fact, frozen=True):
    match_labels: Labels = field(default_factory=dict)
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()


class PodTemplate(Fact, frozen=True):
    metadata: Meta = Meta()
    spec: PodSpec = PodSpec()


class WorkloadSpec(Fact, frozen=True):
    """`replicas` None = the API's default of 1, or a DaemonSet, which has none."""

    replicas: int | None = None
    selector: LabelSelector | None = None
    template: PodTemplate = PodTemplate()
    service_name: str = ""


class WorkloadStatus(Fact, frozen=True):
    replicas: int = 0
    ready_replicas: int = 0


class Workload(Object, frozen=True):
    """A Deployment, StatefulSet or DaemonSet: what makes pods from a template."""

    spec: WorkloadSpec = WorkloadSpec()
    status: WorkloadStatus = WorkloadStatus()


class Deployment(Workload, frozen=True):
    pass


class StatefulSet(Workload, frozen=True):
    pass


class DaemonSet(Workload, frozen=True):
    pass
