"""Topology hints: for which zones and nodes an endpoint is meant. Pure.

1. `trafficDistribution` gives every ready endpoint its own zone, and with PreferSameNode its own node too.
2. The annotation `topology-mode: Auto` comes first. It divides the endpoints over the zones by their share of
   the nodes' CPU, so some are meant for a zone in which they are not; when that cannot be done within an
   overload of 20 %, or a zone or a CPU is unknown, nobody gets a hint and the reason is told.
3. Unready and terminating endpoints get none.

Source: k8s.io/endpointslice trafficdist and topologycache (KEP-4444, KEP-3015, KEP-2433).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from kinspect.lab.controllers import workloads
from kinspect.lab.status import Json

MODE = "service.kubernetes.io/topology-mode"
OLD_MODE = "service.kubernetes.io/topology-aware-hints"
_ZONE = "topology.kubernetes.io/zone"
_OVERLOAD = 0.2


class Share(NamedTuple):
    """How many endpoints a zone should have, and how many it must."""

    desired: float
    minimum: int


class Unfit(Exception):
    """Endpoints cannot be divided over the zones; the text says why, in the controller's words."""


def wants_division(service: Json) -> bool:
    """Whether the Service asks for `topology-mode: Auto`, by the present or the old annotation."""
    annotations = service["metadata"].get("annotations", {})
    return str(annotations.get(MODE, annotations.get(OLD_MODE, ""))).lower() == "auto"


def prefer(distribution: str | None, endpoints: list[Json]) -> None:
    """Writes the hints of a `trafficDistribution` into the endpoints; None takes hints away."""
    for endpoint in endpoints:
        endpoint.pop("hints", None)
        if distribution is None or not endpoint["conditions"]["ready"]:
            continue
        hints = {}
        if "zone" in endpoint:
            hints["forZones"] = [{"name": endpoint["zone"]}]
        if distribution == "PreferSameNode" and "nodeName" in endpoint:
            hints["forNodes"] = [{"name": endpoint["nodeName"]}]
        if hints:
            endpoint["hints"] = hints


def divide(endpoints: list[Json], nodes: list[Json]) -> None:
    """Writes hints that divide the ready endpoints over the zones. Raises Unfit, with no hints written."""
    prefer(None, endpoints)
    ready = [endpoint for endpoint in endpoints if endpoint["conditions"]["ready"]]
    shares = _shares(len(ready), _cpu_by_zone(nodes))
    if any("zone" not in endpoint for endpoint in ready):
        raise Unfit("One or more endpoints do not have a zone specified")
    here = {zone: sum(endpoint["zone"] == zone for endpoint in ready) for zone in shares}
    giving, receiving = _moves(shares, here)
    for endpoint in ready:
        zone = endpoint["zone"]
        if giving.get(zone) and receiving:
            giving[zone] -= 1
            zone = receiving.pop(0)
        endpoint["hints"] = {"forZones": [{"name": zone}]}


def _cpu_by_zone(nodes: list[Json]) -> dict[str, float]:
    """The CPUs of the ready nodes, by zone. Raises Unfit when a node does not tell them."""
    found: dict[str, float] = {}
    for node in nodes:
        if not workloads.is_ready(node):
            continue
        zone = node["metadata"].get("labels", {}).get(_ZONE)
        cpu = _cores(str(node.get("status", {}).get("allocatable", {}).get("cpu", "0")))
        if not zone or not cpu:
            raise Unfit(
                "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes"
            )
        found[zone] = found.get(zone, 0.0) + cpu
    if len(found) < 2:
        raise Unfit("Nodes only ready in one zone")
    return found


def _shares(endpoints: int, cpus: dict[str, float]) -> dict[str, Share]:
    told = f"({endpoints} endpoints, {len(cpus)} zones)"
    if len(cpus) > endpoints:
        raise Unfit(f"Insufficient number of endpoints {told}")
    total = sum(cpus.values())
    shares = {}
    for zone, cpu in cpus.items():
        desired = cpu / total * endpoints
        minimum = math.ceil(desired / (1 + _OVERLOAD))
        shares[zone] = Share(max(desired, minimum), minimum)
    if sum(share.minimum for share in shares.values()) > endpoints:
        raise Unfit(
            "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold "
            + told
        )
    return shares


def _moves(shares: dict[str, Share], here: dict[str, int]) -> tuple[dict[str, int], list[str]]:
    """How many endpoints each zone gives away, and the zones that take them, one by one."""
    surplus = {zone: here[zone] - share.desired for zone, share in shares.items()}
    giving: dict[str, int] = {}
    receiving: list[str] = []
    while True:
        giver, taker = max(surplus, key=surplus.__getitem__), min(surplus, key=surplus.__getitem__)
        more, less = surplus[giver], -surplus[taker]
        if (more < 1 and less < 1) or more < 0.5 or less < 0.5:
            return giving, receiving
        giving[giver] = giving.get(giver, 0) + 1
        receiving.append(taker)
        surplus[giver] -= 1
        surplus[taker] += 1


def _cores(quantity: str) -> float:
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)
