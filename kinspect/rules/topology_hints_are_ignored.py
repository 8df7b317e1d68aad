"""Topology hints are ignored

What it finds: a Service some of whose ready endpoints carry topology hints while others carry none.

Why it matters: one ready endpoint without a hint switches hints off for the whole Service. Traffic crosses
zones as if nobody had asked to keep it near. While pods start it is normal for an instant.

How to fix: endpoints get no hint if their node has no label `topology.kubernetes.io/zone`; label the nodes.
Slices that are written by hand need hints on every endpoint, or on none.

Source: KEP-2433; kube-proxy topology.go (topologyModeFromHints).
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.finding import Finding, Severity
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import Behind
from kinspect.resolve.service_class import has_virtual_ip
from kinspect.resolve.traffic import nodes_hinted, zones_hinted
from kinspect.rules._words import first, get_slices, service_ref

CODE = "TRF104"
SEVERITY: Severity = "warning"
SUBJECTS = ("Service",)
LOOKS_BEHIND = True
NEEDS = ("EndpointSlice",)
CONSULTS = ("Pod",)  # to name the endpoints

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
- {addresses: [10.244.2.5], zone: b, hints: {forZones: [{name: b}]}}
- {addresses: [10.244.2.6], zone: b, conditions: {ready: false, serving: true, terminating: true}}
"""
BROKEN = HEALTHY.replace(", hints: {forZones: [{name: b}]}", "")


applies = has_virtual_ip


def check(found: Behind, snapshot: Snapshot) -> Iterator[Finding]:
    service = found.service
    endpoints = found.reachable
    if not any(each.hints for each in endpoints):
        return
    for family in dict.fromkeys(each.address_type for each in endpoints):
        ready = [each for each in endpoints if each.ready and each.address_type == family]
        without = [each for each in ready if not zones_hinted(each) and not nodes_hinted(each)]
        if without and len(without) < len(ready):
            verb = "has" if len(without) == 1 else "have"
            zoneless = all(each.zone is None for each in without)
            yield Finding(
                CODE,
                SEVERITY,
                service_ref(service),
                f"its topology hints are ignored: {len(without)} of {len(ready)} ready {family} endpoints "
                f"{verb} none ({first(without)})",
                field="EndpointSlice endpoints[].hints",
                expected="hints on every ready endpoint",
                seen=f"none on {first(without)}" + (", which have no zone" if zoneless else ""),
                fix="label every node with topology.kubernetes.io/zone"
                if zoneless
                else "hint every endpoint",
                reproduce=get_slices(service),
            )
