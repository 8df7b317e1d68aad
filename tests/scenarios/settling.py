"""Waits until a ground is at rest: pods as ready as they will be, slices written, rules loaded."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Callable

import yaml

from kinspect.model.snapshot import Snapshot
from kinspect.resolve.membership import has_selector, listable, selected_pods, slices_of

from .ground import Ground, run, snapshot

TIMEOUT_S = 90.0
MARK = "203.0.113.222"
"""An address that nobody has: the backend of the Service by which loaded rules are recognised."""

_numbers = itertools.count(random.randrange(20_000, 60_000))
_DUMP = {"iptables": ["iptables-save", "-t", "nat"], "nftables": ["nft", "list", "table", "ip", "kube-proxy"]}


def settle(ground: Ground) -> None:
    """Returns when nothing is on its way any more. Raises AssertionError, saying what is."""
    unready = _meant_unready(ground)
    _until(lambda: _pods_on_their_way(snapshot(ground), unready))
    _until(lambda: _slices_on_their_way(snapshot(ground)))
    number = next(_numbers)
    ground.kubectl("create", "-f", "-", stdin=_mark(number))
    _until(lambda: _rules_on_their_way(ground, str(number)))


def _until(waiting_for: Callable[[], str]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while said := waiting_for():
        assert time.monotonic() < deadline, f"after {TIMEOUT_S:.0f} s: {said}"
        time.sleep(0.2)


def _meant_unready(ground: Ground) -> set[str]:
    pods = json.loads(ground.kubectl("get", "pods", "-A", "-o", "json"))["items"]
    return {
        pod["metadata"]["uid"]
        for pod in pods
        if pod["metadata"].get("annotations", {}).get("lab.kinspect/ready") == "false"
    }


def _pods_on_their_way(known: Snapshot, unready: set[str]) -> str:
    waiting = [
        f"{pod.namespace}/{pod.name}"
        for pod in known.pods.values()
        if not pod.terminating and (not pod.ips if pod.metadata.uid in unready else not pod.ready)
    ]
    return f"pods are not ready: {', '.join(waiting)}" if waiting else ""


def _slices_on_their_way(known: Snapshot) -> str:
    """Where a Service's slices do not list its pods, each with its readiness, as they should by now."""
    for service in known.services.values():
        if not has_selector(service):
            continue
        always = service.spec.publish_not_ready_addresses
        pods = {
            (pod.name, always or (pod.ready and not pod.terminating))
            for pod in selected_pods(known, service)
            if listable(pod)
        }
        listed = {
            (endpoint.target_ref.name if endpoint.target_ref else "", endpoint.ready)
            for slice_ in slices_of(known, service)
            for endpoint in slice_.endpoints
        }
        if pods != listed:
            return f"slices of {service.namespace}/{service.name}: {sorted(listed)}, pods: {sorted(pods)}"
    return ""


def _rules_on_their_way(ground: Ground, number: str) -> str:
    for node, mode in ground.modes.items():
        rules = run(ground, f"node/{node}", _DUMP[mode])
        if not any(MARK in line and number in line for line in rules.splitlines()):
            return f"the rules of {node} do not yet have the mark {number}"
    return ""


def _mark(number: int) -> str:
    """A Service and its slice, written after all others: rules that have both have everything before."""
    ports = [{"name": "mark", "port": number}]
    name = f"mark-{number}"
    named = {"name": name, "namespace": "default"}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": named, "spec": {"ports": ports}}
    slice_ = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**named, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": ports,
        "endpoints": [{"addresses": [MARK]}],
    }
    return yaml.safe_dump_all([service, slice_])
