"""Node, Namespace (core/v1) and ServiceCIDR (networking.k8s.io/v1): the ground that Services stand on."""

from __future__ import annotations

from msgspec import field

from kinspect.model.meta import Condition, Fact, Object, condition

ZONE = "topology.kubernetes.io/zone"


class Taint(Fact, frozen=True):
    key: str = ""
    value: str = ""
    effect: str = ""


class NodeSpec(Fact, frozen=True):
    pod_cidr: str = field(default="", name="podCIDR")
    pod_cidrs: tuple[str, ...] = field(default=(), name="podCIDRs")
    provider_id: str = field(default="", name="providerID")
    unschedulable: bool = False
    taints: tuple[Taint, ...] = ()


class NodeAddress(Fact, frozen=True):
    """`type`: Hostname, InternalIP, ExternalIP, InternalDNS or ExternalDNS; several of each are possible."""

    type: str = ""
    address: str = ""


class NodeSystemInfo(Fact, frozen=True):
    kernel_version: str = ""
    os_image: str = ""
    container_runtime_version: str = ""
    kubelet_version: str = ""


class NodeStatus(Fact, frozen=True):
    addresses: tuple[NodeAddress, ...] = ()
    conditions: tuple[Condition, ...] = ()
    node_info: NodeSystemInfo = NodeSystemInfo()


class Node(Object, frozen=True):
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()

    @property
    def zone(self) -> str | None:
        return self.metadata.labels.get(ZONE)

    @property
    def internal_ips(self) -> tuple[str, ...]:
        return tuple(each.address for each in self.status.addresses if each.type == "InternalIP")

    @property
    def ready(self) -> bool:
        found = condition(self.status.conditions, "Ready")
        return found is not None and found.status == "True"


class NamespaceStatus(Fact, frozen=True):
    phase: str = ""


class Namespace(Object, frozen=True):
    status: NamespaceStatus = NamespaceStatus()


class ServiceCIDRSpec(Fact, frozen=True):
    cidrs: tuple[str, ...] = ()


class ServiceCIDR(Object, frozen=True):
    spec: ServiceCIDRSpec = ServiceCIDRSpec()
