"""NetworkPolicy (networking.k8s.io/v1). Only adds permissions; no status tells who enforces it."""

from __future__ import annotations

from msgspec import field

from kinspect.model.meta import Fact, Object
from kinspect.model.pod import LabelSelector


class IPBlock(Fact, frozen=True):
    cidr: str = ""
    except_: tuple[str, ...] = field(default=(), name="except")


class NetworkPolicyPeer(Fact, frozen=True):
    """Selectors given together are ANDed; `pod_selector` alone means the policy's own namespace."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IPBlock | None = None


class NetworkPolicyPort(Fact, frozen=True):
    """`port` None = all ports of the protocol. It is the pod's port, never the Service's."""

    protocol: str = "TCP"
    port: int | str | None = None
    end_port: int | None = None


class IngressRule(Fact, frozen=True):
    from_: tuple[NetworkPolicyPeer, ...] = field(default=(), name="from")
    ports: tuple[NetworkPolicyPort, ...] = ()


class EgressRule(Fact, frozen=True):
    to: tuple[NetworkPolicyPeer, ...] = ()
    ports: tuple[NetworkPolicyPort, ...] = ()


class NetworkPolicySpec(Fact, frozen=True):
    """`policy_types` () = not written: Ingress always, and Egress if `egress` has rules."""

    pod_selector: LabelSelector = LabelSelector()
    policy_types: tuple[str, ...] = ()
    ingress: tuple[IngressRule, ...] = ()
    egress: tuple[EgressRule, ...] = ()


class NetworkPolicy(Object, frozen=True):
    spec: NetworkPolicySpec = NetworkPolicySpec()
