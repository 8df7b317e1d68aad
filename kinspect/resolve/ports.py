"""Ports: the text that names one, the number a targetPort has on a pod, the slice ports that belong to one.

Source: endpointslice utils.go (FindPort, getEndpointPorts); kube-proxy endpointslicecache.go, which joins
slice ports to Service ports by name and protocol.
"""

from __future__ import annotations

from kinspect.model.endpointslice import EndpointPort
from kinspect.model.pod import Pod
from kinspect.model.service import ServicePort


def port_text(port: ServicePort) -> str:
    """A Service port for the person: "80/TCP http", or "80/TCP" if it has no name."""
    return f"{port.port}/{port.protocol} {port.name}".rstrip()


def target_of(port: ServicePort) -> int | str:
    """The targetPort; not given means the same number as the Service port."""
    return port.port if port.target_port in (None, "", 0) else port.target_port


def target_on(pod: Pod, port: ServicePort) -> int | None:
    """The number of a Service port's targetPort on this pod; None = the pod does not declare that name.

    A number is used as it is, declared or not. A name is the first container port with this name *and* this
    protocol, over the containers and then the sidecars.
    """
    target = target_of(port)
    if isinstance(target, int):
        return target
    for container in pod.spec.serving_containers:
        for declared in container.ports:
            if declared.name == target and declared.protocol == port.protocol:
                return declared.container_port
    return None


def protocols_on(pod: Pod, name: str) -> tuple[str, ...]:
    """The protocols under which a pod declares this port name, in order of declaration."""
    return tuple(
        declared.protocol
        for container in pod.spec.serving_containers
        for declared in container.ports
        if declared.name == name
    )


def joined_by(slice_port: EndpointPort) -> tuple[str, str]:
    """What a slice port has in common with the Service port it feeds: name (none = unnamed) and protocol."""
    return slice_port.name or "", slice_port.protocol or "TCP"


def belongs(slice_port: EndpointPort, port: ServicePort) -> bool:
    """Whether a slice port feeds a Service port."""
    return joined_by(slice_port) == (port.name, port.protocol)


def names_target(port: ServicePort) -> bool:
    """Whether the targetPort is a name, to be looked up on each pod."""
    return isinstance(port.target_port, str) and port.target_port != ""
