"""Node ports and health-check node ports: one range for all, a number belongs to one Service.

Automatic ones come from above a band that is left to those who choose (KEP-3668). Ports of one Service with
the same number share a node port across protocols. Source: registry/core/service/storage/alloc.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinspect.lab import status
from kinspect.lab.admission import causes, service_rules
from kinspect.lab.status import Cause, Json

if TYPE_CHECKING:
    from kinspect.lab.store import Store

_TAKEN = "provided port is already allocated"


def allocate(store: Store, new: Json) -> list[Cause]:
    """Gives the Service the node ports that it lacks, or checks those that it names."""
    spec = new["spec"]
    taken = _taken_by_others(store, new)
    found = []
    for index, port in enumerate(spec.get("ports") or ()):
        if port.get("nodePort") and (why := _unavailable(store, taken, port["nodePort"])):
            found.append(causes.invalid(f"spec.ports[{index}].nodePort", port["nodePort"], why))
    if found:
        return found
    if service_rules.needs_node_ports(spec):
        shared = {port["port"]: port["nodePort"] for port in spec["ports"] if port.get("nodePort")}
        taken |= set(shared.values())
        for port in spec["ports"]:
            if not port.get("nodePort"):
                if port["port"] not in shared:
                    shared[port["port"]] = _free(store, taken)
                    taken.add(shared[port["port"]])
                port["nodePort"] = shared[port["port"]]
    if service_rules.needs_health_check(spec):
        taken |= {port["nodePort"] for port in spec["ports"] if port.get("nodePort")}
        _allocate_health_check(store, spec, taken)
    return []


def _allocate_health_check(store: Store, spec: Json, taken: set[int]) -> None:
    asked = spec.get("healthCheckNodePort")
    if not asked:
        spec["healthCheckNodePort"] = _free(store, taken)
    elif why := _unavailable(store, taken, asked):
        raise status.internal(f"failed to allocate requested HealthCheck NodePort {asked}: {why}")


def _taken_by_others(store: Store, new: Json) -> set[int]:
    me = (new["metadata"]["namespace"], new["metadata"]["name"])
    taken: set[int] = set()
    for service in store.list("Service"):
        if (service["metadata"]["namespace"], service["metadata"]["name"]) == me:
            continue
        taken |= {port["nodePort"] for port in service["spec"].get("ports") or () if port.get("nodePort")}
        if service["spec"].get("healthCheckNodePort"):
            taken.add(service["spec"]["healthCheckNodePort"])
    return taken


def _unavailable(store: Store, taken: set[int], port: int) -> str:
    """Why this port cannot be had; "" when it can."""
    ports = store.node_ports
    if port not in ports:
        valid = f"The range of valid ports is {ports.start}-{ports.stop - 1}"
        return f"provided port is not in the valid range. {valid}"
    return _TAKEN if port in taken else ""


def _free(store: Store, taken: set[int]) -> int:
    ports = store.node_ports
    band = min(max(16, len(ports) // 32), 128)
    upper = [port for port in ports[band:] if port not in taken]
    free = upper or [port for port in ports[:band] if port not in taken]
    if not free:
        raise status.internal("failed to allocate a nodePort: range is full")
    return store.rng.choice(free)
