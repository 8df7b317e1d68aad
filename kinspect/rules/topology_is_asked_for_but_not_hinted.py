"""Near endpoints are asked for, but none is hinted

What it finds: a Service with `spec.trafficDistribution`, or with the annotation that asks for topology-aware
routing, none of whose ready endpoints carries a hint.

Why it matters: proxies go by the hints in the slices and by nothing else. Traffic is spread over all zones.

How to fix: hints need nodes with the label `topology.kubernetes.io/zone`. Under the annotation with value
`Auto` the controller also gives up when there are too few endpoints, or when a zone would be overloaded: it
says so in an event of the Service. Slices written by hand get no hints.

Source: KEP-4444, KEP-2433; endpointslice trafficdist, topologycache.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import Behind
from kinspect.resolve.service_class import has_virtual_ip
from kinspect.resolve.traffic import nodes_hinted, zones_hinted
from kinspect.rules._words import get_slices, service_ref

CODE = "TRF106"
SEVERITY: Severity = "info"
SUBJECTS = ("Service",)
LOOKS_BEHIND = True
NEEDS = ("EndpointSlice",)

HEALTHY = """\
kind: Service
apiVersion: v1
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, clusterIP: 10.96.0.20, trafficDistribution: PreferSameZone, ports: [{port: 80}]}
---
kind: EndpointSlice
apiVersion: discovery.k8s.io/v1
metadata: {name: web-x1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: "", port: 80, protocol: TCP}]
endpoints:
- {addresses: [10.244.1.5], zone: a, hints: {forZones: [{name: a}]}}
"""
BROKEN = HEALTHY.replace(", zone: a, hints: {forZones: [{name: a}]}", "")


def applies(service: Service) -> bool:
    return _asked(service) is not None and has_virtual_ip(service)


def check(found: Behind, snapshot: Snapshot) -> Iterator[Finding]:
    service = found.service
    ready = [each for each in found.reachable if each.ready]
    asked = _asked(service)
    if asked is None or not ready or any(zones_hinted(each) or nodes_hinted(each) for each in ready):
        return
    field, value = asked
    zoneless = all(each.zone is None for each in ready)
    yield Finding(
        CODE,
        SEVERITY,
        service_ref(service),
        f"it asks for near endpoints ({value}), but no endpoint carries a hint, so all are used",
        field=field,
        expected="hints on every ready endpoint",
        seen="no hints" + (", and no endpoint has a zone" if zoneless else ""),
        fix="label every node with topology.kubernetes.io/zone" if zoneless else "read the Service's events",
        reproduce=get_slices(service),
    )


def _asked(service: Service) -> tuple[str, str] | None:
    """(field, value) of what asks for near endpoints. The annotation counts before the field."""
    notes = service.metadata.annotations
    mode = notes.topology_mode or notes.topology_aware_hints
    if mode and mode.lower() == "auto":
        return "metadata.annotations[service.kubernetes.io/topology-mode]", mode
    wanted = service.spec.traffic_distribution
    return ("spec.trafficDistribution", wanted) if wanted else None
