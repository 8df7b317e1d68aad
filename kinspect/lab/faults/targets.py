"""What a fault breaks: always the same for the same objects, so that a lesson can be told again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kinspect.errors import UsageError
from kinspect.lab import places
from kinspect.lab.addresses import NodeAddresses
from kinspect.lab.kubelet import Running
from kinspect.lab.places import Place
from kinspect.lab.proxy.choice import Backend
from kinspect.lab.proxy.plan import Plan, plans

if TYPE_CHECKING:
    from kinspect.lab.supervisor import Lab

_SYSTEM = ("kube-system", "default", "ingress-nginx")


@dataclass(frozen=True)
class Target:
    """One port of a Service, as one node treats it, and one of its backends with the pod behind it."""

    node: NodeAddresses
    plan: Plan
    backend: Backend
    pod: Running

    @property
    def place(self) -> Place:
        return places.node(self.node.name)

    @property
    def service(self) -> str:
        return f"{self.plan.namespace}/{self.plan.service}"


def service_port(lab: Lab, *, node_port: bool = False) -> Target:
    """The first port by name, on the first node, that has a pod of the lab behind it.

    `node_port`: one that every node answers on its node port. Raises UsageError.
    """
    node = lab.nodes[0]
    pods = {str(running.address): running for running in lab.kubelet.running.values()}
    for plan in plans(lab.facts.world(), node.name):
        if plan.namespace in _SYSTEM or (node_port and (not plan.node_port or plan.external_local)):
            continue
        for backend in plan.choice.cluster:
            if backend.address in pods:
                return Target(node, plan, backend, pods[backend.address])
    kind = "NodePort Service" if node_port else "Service"
    raise UsageError(f"the lab has no {kind} with pods to break this on", "apply one first")


def other_node(lab: Lab) -> NodeAddresses:
    """A node for the first one to lose the way to. Raises UsageError when there is none."""
    if len(lab.nodes) < 2:
        raise UsageError("this fault lies between nodes, and this lab has only one", "use --nodes 2")
    return lab.nodes[1]
