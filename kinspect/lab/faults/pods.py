"""Faults in and around one pod."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kinspect.errors import UsageError
from kinspect.lab import network, places, podstatus
from kinspect.lab.faults import Fault
from kinspect.lab.faults.targets import Target, service_port

if TYPE_CHECKING:
    from kinspect.lab.supervisor import Lab


def _wire(target: Target) -> tuple[places.Place, str]:
    """The node's end of the pod's link."""
    return places.node(target.pod.node.name), network.veth(target.pod.uid)


async def _only_loopback(lab: Lab) -> str:
    target = service_port(lab)
    await lab.kubelet.listen(target.pod, address="127.0.0.1")
    return f"{target.pod.place} listens on 127.0.0.1 only"


async def _everywhere(lab: Lab) -> None:
    await lab.kubelet.listen(service_port(lab).pod, address="0.0.0.0")


async def _hairpin(lab: Lab, state: str) -> Target:
    if lab.means.cni != "vxlan":
        raise UsageError(
            "hairpin mode is a property of a bridge, and routed pods have none", "use --cni vxlan"
        )
    target = service_port(lab)
    node, wire = _wire(target)
    await lab.ground.ip(node, [f"link set dev {wire} type bridge_slave hairpin {state}"])
    return target


async def _hairpin_off(lab: Lab) -> str:
    target = await _hairpin(lab, "off")
    return f"on {target.pod.node.name}, the bridge no longer sends {target.pod.place}'s packets back to it"


async def _hairpin_on(lab: Lab) -> None:
    await _hairpin(lab, "on")


async def _link_down(lab: Lab) -> str:
    target = service_port(lab)
    node, wire = _wire(target)
    await lab.ground.ip(node, [f"link set {wire} down"])
    return f"on {target.pod.node.name}, {wire}, the link of {target.pod.place}, is down"


async def _link_up(lab: Lab) -> None:
    target = service_port(lab)
    node, wire = _wire(target)
    commands = [f"link set {wire} up"]
    if lab.means.cni == "routed":  # a link that goes down loses its routes
        commands.append(f"route replace {target.pod.address} dev {wire}")
    await lab.ground.ip(node, commands)


async def _not_ready(lab: Lab) -> str:
    target = service_port(lab)
    _say_ready(lab, target.pod.place, "false")
    return f"{target.pod.place} says that it is not ready"


async def _ready(lab: Lab) -> None:
    for key, running in lab.kubelet.running.items():
        if not podstatus.wants_ready(lab.store.get("Pod", *key)):
            _say_ready(lab, running.place, None)


def _say_ready(lab: Lab, place: places.Place, value: str | None) -> None:
    def change(pod: dict[str, Any]) -> None:
        annotations = pod["metadata"].setdefault("annotations", {})
        annotations.pop(podstatus.READY, None)
        if value is not None:
            annotations[podstatus.READY] = value

    lab.store.update("Pod", place.namespace, place.name, change)


FAULTS = (
    Fault(
        "listener-on-loopback",
        "The pod runs and is ready, and every connection to it is refused: its server listens on 127.0.0.1."
        " kubectl port-forward still works, since it dials from inside: it proves nothing about the Service.",
        _only_loopback,
        _everywhere,
    ),
    Fault(
        "hairpin-off",
        "A pod reaches its own Service, except when the proxy chooses the pod itself: the bridge does not"
        " send a packet back through the port it came from.",
        _hairpin_off,
        _hairpin_on,
    ),
    Fault(
        "pod-link-down",
        "The API calls the pod ready, and nobody can reach it: its link on the node is down. Readiness is"
        " what the kubelet last heard, not what the network does.",
        _link_down,
        _link_up,
    ),
    Fault(
        "pod-not-ready",
        "A pod that is not ready stays in the slice, with ready false, and gets no traffic. Look at"
        " conditions, not at the list of addresses.",
        _not_ready,
        _ready,
    ),
)
