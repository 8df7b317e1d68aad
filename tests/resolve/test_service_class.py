"""Classes of Services, balancers, ranges, and why a pod is not ready."""

from __future__ import annotations

from ipaddress import ip_network

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kinspect.model.meta import Meta
from kinspect.model.node import ServiceCIDR, ServiceCIDRSpec
from kinspect.model.pod import Pod
from kinspect.model.service import Service
from kinspect.model.snapshot import snapshot_of
from kinspect.resolve.addresses import family_of, parse_address, range_of, static_band
from kinspect.resolve.load_balancer import balancer_of
from kinspect.resolve.pod_state import why_not_ready
from kinspect.resolve.service_class import (
    class_of,
    families_of,
    has_virtual_ip,
    selectorless,
)


def service(**spec: object) -> Service:
    return msgspec.convert({"spec": spec}, Service)


@pytest.mark.parametrize(
    ("spec", "expected", "virtual"),
    [
        ({"type": "ExternalName", "clusterIP": "None"}, "ExternalName", False),
        ({"clusterIP": "None"}, "headless", False),
        ({"type": "LoadBalancer", "clusterIP": "10.96.0.1"}, "LoadBalancer", True),
        ({"type": "NodePort", "clusterIP": "10.96.0.1"}, "NodePort", True),
        ({"clusterIP": "10.96.0.1"}, "ClusterIP", True),
        ({}, "ClusterIP", True),
    ],
)
def test_class(spec: dict[str, object], expected: str, virtual: bool) -> None:
    assert class_of(service(**spec)) == expected
    assert has_virtual_ip(service(**spec)) is virtual


def test_selectorless() -> None:
    assert selectorless(service())
    assert selectorless(service(selector={}))
    assert not selectorless(service(selector={"app": "web"}))
    assert not selectorless(service(type="ExternalName"))


def test_families() -> None:
    assert families_of(service(clusterIP="10.96.0.1")) == ("IPv4",)
    both = service(clusterIP="fd00::1", clusterIPs=["fd00::1", "10.96.0.1"])
    assert families_of(both) == ("IPv6", "IPv4")
    assert families_of(service(clusterIP="None")) == ("IPv4", "IPv6")


def balanced(*ingress: dict[str, object], **status: object) -> Service:
    body = {
        "spec": {"type": "LoadBalancer"},
        "status": {"loadBalancer": {"ingress": list(ingress)}, **status},
    }
    return msgspec.convert(body, Service)


def test_balancer_pending() -> None:
    found = balancer_of(balanced())
    assert found is not None and found.pending
    assert balancer_of(service(type="NodePort")) is None


@pytest.mark.parametrize(
    ("entry", "text", "mode", "short"),
    [
        ({"ip": "192.0.2.1"}, "192.0.2.1", "VIP", True),
        ({"ip": "192.0.2.1", "ipMode": "VIP"}, "192.0.2.1", "VIP", True),
        ({"ip": "192.0.2.1", "ipMode": "Proxy"}, "192.0.2.1", "Proxy", False),
        ({"hostname": "lb.example.com"}, "lb.example.com", None, False),
    ],
)
def test_balancer_address(entry: dict[str, object], text: str, mode: str | None, short: bool) -> None:
    found = balancer_of(balanced(entry))
    assert found is not None and not found.pending
    (address,) = found.addresses
    assert (address.text, address.mode, address.short_circuited) == (text, mode, short)


def test_balancer_errors() -> None:
    port = {"port": 53, "protocol": "UDP", "error": "MixedProtocolNotSupported"}
    failed = {"type": "LoadBalancerPortsError", "status": "True", "reason": "Mixed"}
    found = balancer_of(balanced({"ip": "192.0.2.1", "ports": [port]}, conditions=[failed]))
    assert found is not None
    assert found.errors == ("53/UDP at 192.0.2.1: MixedProtocolNotSupported", "LoadBalancerPortsError: Mixed")
    cleared = balancer_of(balanced({"ip": "192.0.2.1"}, conditions=[{**failed, "status": "False"}]))
    assert cleared is not None and cleared.errors == ()


@pytest.mark.parametrize(("cidr", "size"), [("10.0.0.0/24", 16), ("10.0.0.0/20", 256), ("10.0.0.0/16", 256)])
def test_static_band(cidr: str, size: int) -> None:
    assert static_band(ip_network(cidr)) == size


def test_range_of_an_address() -> None:
    cidr = ServiceCIDR(Meta("kubernetes"), ServiceCIDRSpec(("10.96.0.0/24", "fd00:96::/112", "nonsense")))
    snapshot = snapshot_of([("ServiceCIDR", cidr)], {})
    low, high = range_of(snapshot, "10.96.0.16"), range_of(snapshot, "10.96.0.17")
    assert low is not None and (low.cidr, low.source, low.band) == ("10.96.0.0/24", "kubernetes", "static")
    assert high is not None and high.band == "dynamic"
    six = range_of(snapshot, "fd00:96::1:0")
    assert six is None
    assert range_of(snapshot, "10.97.0.1") is None
    assert range_of(snapshot, "None") is None


@given(
    st.ip_addresses().map(str)
    | st.lists(st.integers(-1, 300).map(str) | st.sampled_from(["00", "01", "1 ", "", "١"]), max_size=6).map(
        ".".join
    )
    | st.text(max_size=20)
)
@example("10.96.0.1\n")
def test_family_of_any_text(text: str) -> None:
    parsed = parse_address(text)
    assert family_of(text) == (f"IPv{parsed.version}" if parsed else None)


def pod(**body: object) -> Pod:
    return msgspec.convert(body, Pod)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"status": {"conditions": [{"type": "Ready", "status": "True"}]}}, ""),
        ({"status": {"phase": "Failed", "reason": "Evicted"}}, "it has finished (Evicted)"),
        ({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, "it is being deleted"),
        (
            {
                "metadata": {
                    "deletionTimestamp": "2026-01-01T00:00:00Z",
                    "finalizers": ["example.test/backup"],
                }
            },
            "it is being deleted, held by example.test/backup",
        ),
        (
            {
                "status": {
                    "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes fit."}]
                }
            },
            "no node takes it: 0/3 nodes fit",
        ),
        (
            {
                "status": {
                    "containerStatuses": [
                        {"name": "ok", "ready": True},
                        {
                            "name": "app",
                            "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such"}},
                        },
                    ]
                }
            },
            "container app waits (ImagePullBackOff): no such",
        ),
        (
            {
                "spec": {
                    "containers": [
                        {"name": "app", "readinessProbe": {"httpGet": {"path": "/ok", "port": 8080}}}
                    ]
                },
                "status": {"containerStatuses": [{"name": "app", "state": {"running": {}}}]},
            },
            "container app runs, but its readiness probe (HTTP GET /ok on port 8080) does not succeed",
        ),
        (
            {"status": {"containerStatuses": [{"name": "app", "state": {"terminated": {"exitCode": 1}}}]}},
            "container app has ended (exit code 1)",
        ),
        (
            {
                "spec": {"readinessGates": [{"conditionType": "example.com/lb"}]},
                "status": {"containerStatuses": [{"name": "app", "ready": True}]},
            },
            "its readiness gate example.com/lb is not True",
        ),
        (
            {
                "spec": {"nodeName": "node3"},
                "status": {
                    "conditions": [{"type": "Ready", "status": "False"}],
                    "containerStatuses": [{"name": "app", "ready": True, "state": {"running": {}}}],
                },
            },
            "its containers are ready, but its node node3 may have stopped reporting",
        ),
        (
            {
                "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"},
                "status": {"phase": "Failed", "reason": "Evicted"},
            },
            "it has finished (Evicted) and is being deleted",
        ),
        ({}, "it is not ready yet"),
    ],
)
def test_why_a_pod_is_not_ready(body: dict[str, object], words: str) -> None:
    assert why_not_ready(pod(**body)) == words
