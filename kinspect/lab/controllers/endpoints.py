"""Which endpoints a Service has, and on which ports: what the slices of a Service must say. Pure.

1. Listed are the pods that the selector takes, that have an address and have not ended; unready and
   terminating ones too, with conditions that say so.
2. A named targetPort is looked up in each pod, first match on name and protocol, ordinary containers before
   sidecars. A pod without it lacks that port; pods with equal ports share slices.

Source: k8s.io/endpointslice utils.go (podToEndpoint, getEndpointPorts, FindPort), util/controller_utils.go.
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from kinspect.lab.controllers import workloads
from kinspect.lab.podstatus import containers
from kinspect.lab.status import Json

_ZONE = "topology.kubernetes.io/zone"


class Ports(NamedTuple):
    """The ports of a slice, in the Service's order; hashable, so that pods can be grouped by them."""

    entries: tuple[tuple[str, str, int, str | None], ...]

    def as_json(self) -> list[Json] | None:
        """As a slice has them: null instead of an empty list."""
        told = []
        for name, protocol, number, app_protocol in self.entries:
            port: Json = {"name": name, "protocol": protocol, "port": number}
            told.append(port | {"appProtocol": app_protocol} if app_protocol else port)
        return told or None


def groups(service: Json, pods: list[Json], nodes: dict[str, Json], family: str) -> dict[Ports, list[Json]]:
    """The endpoints of one address family, grouped by equal ports, in the order of the pods."""
    found: dict[Ports, list[Json]] = {}
    for pod in pods:
        address = _address(pod, family)
        if address and not workloads.is_terminal(pod):
            endpoint = _endpoint(service, pod, nodes.get(pod["spec"].get("nodeName", "")), address)
            found.setdefault(_ports(service, pod), []).append(endpoint)
    return found


def _address(pod: Json, family: str) -> str | None:
    addresses = [entry["ip"] for entry in pod.get("status", {}).get("podIPs") or ()]
    return next((a for a in addresses if f"IPv{ipaddress.ip_address(a).version}" == family), None)


def _endpoint(service: Json, pod: Json, node: Json | None, address: str) -> Json:
    meta, spec = pod["metadata"], pod["spec"]
    serving, terminating = workloads.is_ready(pod), workloads.is_terminating(pod)
    ready = bool(service["spec"].get("publishNotReadyAddresses")) or (serving and not terminating)
    endpoint: Json = {
        "addresses": [address],
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
    }
    if spec.get("hostname") and spec.get("subdomain") == service["metadata"]["name"]:
        endpoint["hostname"] = spec["hostname"]
    target = {"kind": "Pod", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]}
    endpoint["targetRef"] = target
    if spec.get("nodeName"):
        endpoint["nodeName"] = spec["nodeName"]
    zone = node["metadata"].get("labels", {}).get(_ZONE) if node else None
    if zone:
        endpoint["zone"] = zone
    return endpoint


def _ports(service: Json, pod: Json) -> Ports:
    entries = []
    for port in service["spec"].get("ports") or ():
        number = _target(port, pod)
        if number is not None:
            entries.append((port.get("name", ""), port["protocol"], number, port.get("appProtocol")))
    return Ports(tuple(entries))


def _target(port: Json, pod: Json) -> int | None:
    """The pod's own number for a Service port, or None when it has no port of that name and protocol."""
    target = port["targetPort"]
    if isinstance(target, int):
        return target
    for container in containers(pod):
        for declared in container.get("ports") or ():
            if declared.get("name") == target and declared["protocol"] == port["protocol"]:
                number: int = declared["containerPort"]
                return number
    return None
