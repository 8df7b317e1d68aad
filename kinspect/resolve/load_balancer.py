"""A Service's load balancer as its status tells it: pending, its addresses, who serves them, its errors.

A balancer's address of mode VIP reaches the nodes as it is, so kube-proxy installs rules for it and clients
in the cluster never leave it. Mode Proxy and hostnames are the balancer's own: kube-proxy knows nothing of
them.
Source: core/v1 types.go (LoadBalancerStatus); KEP-1860; KEP-980.
"""

from __future__ import annotations

from kinspect.model.meta import Fact, condition
from kinspect.model.service import LoadBalancerIngress, Service

PORTS_ERROR = "LoadBalancerPortsError"


class BalancerAddress(Fact, frozen=True):
    """`short_circuited`: clients inside the cluster are sent to backends by their own node."""

    text: str
    mode: str | None
    short_circuited: bool


class Balancer(Fact, frozen=True):
    """`class_name` None = the cluster's default. `errors` are the texts of failed ports, in words."""

    class_name: str | None
    addresses: tuple[BalancerAddress, ...]
    errors: tuple[str, ...]

    @property
    def pending(self) -> bool:
        return not self.addresses


def balancer_of(service: Service) -> Balancer | None:
    """The state of the Service's balancer, None unless it is of type LoadBalancer."""
    if service.spec.type != "LoadBalancer":
        return None
    entries = service.status.load_balancer.ingress
    return Balancer(
        service.spec.load_balancer_class,
        tuple(_address(each) for each in entries if each.ip or each.hostname),
        tuple(_errors(service, entries)),
    )


def _address(entry: LoadBalancerIngress) -> BalancerAddress:
    if not entry.ip:
        return BalancerAddress(entry.hostname, None, False)
    mode = entry.ip_mode or "VIP"  # the API's default where an ip is set
    return BalancerAddress(entry.ip, mode, mode == "VIP")


def _errors(service: Service, entries: tuple[LoadBalancerIngress, ...]) -> list[str]:
    found = [
        f"{port.port}/{port.protocol} at {entry.ip or entry.hostname}: {port.error}"
        for entry in entries
        for port in entry.ports
        if port.error
    ]
    ports = condition(service.status.conditions, PORTS_ERROR)
    if ports is not None and ports.status == "True":
        found.append(f"{PORTS_ERROR}: {ports.message or ports.reason or 'no reason given'}")
    return found
