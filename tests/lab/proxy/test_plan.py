"""The endpoint choice where the recorded cluster has no example, each row with its reason in kube-proxy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from kinspect.lab.proxy import iptables, nftables
from kinspect.lab.proxy.plan import Plan, plans
from kinspect.lab.proxy.world import World
from kinspect.model.endpointslice import (
    Endpoint,
    EndpointConditions,
    EndpointHints,
    EndpointPort,
    EndpointSlice,
    ForNode,
    ForZone,
)
from kinspect.model.meta import Meta
from kinspect.model.node import Node, NodeAddress, NodeStatus
from kinspect.model.service import (
    LoadBalancerIngress,
    LoadBalancerStatus,
    Service,
    ServicePort,
    ServiceSpec,
    ServiceStatus,
)

UNWRITTEN = EndpointConditions()
SERVING = EndpointConditions(ready=False, serving=True, terminating=True)
GONE = EndpointConditions(ready=False, serving=False, terminating=True)


def endpoint(
    last: int,
    node: str | None = "n1",
    conditions: EndpointConditions = UNWRITTEN,
    zones: str = "",
    nodes: str = "",
) -> Endpoint:
    hints = EndpointHints(tuple(map(ForZone, zones.split())), tuple(map(ForNode, nodes.split())))
    return Endpoint((f"10.0.0.{last}",), conditions, node_name=node, hints=hints if zones or nodes else None)


def slice_(*endpoints: Endpoint, name: str = "s", labels: dict[str, str] | None = None) -> EndpointSlice:
    return EndpointSlice(
        metadata=Meta(name=name, namespace="a", labels={"kubernetes.io/service-name": "s", **(labels or {})}),
        endpoints_or_null=endpoints,
        ports_or_null=(EndpointPort("p", "TCP", 8080),),
    )


SERVICE = Service(
    metadata=Meta(name="s", namespace="a"),
    spec=ServiceSpec(
        type="NodePort", cluster_ip="10.96.0.9", ports=(ServicePort("p", port=80, node_port=30001),)
    ),
)
NODE = Node(
    metadata=Meta(name="n1", labels={"topology.kubernetes.io/zone": "za"}),
    status=NodeStatus(addresses=(NodeAddress("InternalIP", "192.0.2.1"),)),
)


def service(**spec: object) -> Service:
    fields = {name: getattr(SERVICE.spec, name) for name in SERVICE.spec.__struct_fields__}
    return Service(metadata=SERVICE.metadata, spec=ServiceSpec(**{**fields, **spec}))


def plan(*slices: EndpointSlice, of: Service = SERVICE) -> Plan:
    (found,) = plans(World(services=(of,), slices=slices, nodes=(NODE,)), "n1")
    return found


def last_bytes(found: Plan, scope: str) -> list[int]:
    return [int(each.address.rpartition(".")[2]) for each in getattr(found.choice, scope)]


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        ([endpoint(2, zones="za"), endpoint(3, zones="zb")], [2]),
        ([endpoint(2, zones="za"), endpoint(3)], [2, 3]),  # one without a hint switches hints off
        ([endpoint(2, zones="zb"), endpoint(3, zones="zc")], [2, 3]),  # none names this zone
        ([endpoint(2, zones="zb za"), endpoint(3, zones="za")], [2, 3]),
        ([endpoint(2, zones="za", nodes="n1"), endpoint(3, zones="za", nodes="n2")], [2]),
        ([endpoint(2, zones="zb", nodes="n3"), endpoint(3, zones="za", nodes="n2")], [3]),  # node, then zone
        ([endpoint(2, zones="za"), endpoint(3, conditions=SERVING)], [2]),  # only ready ones are asked
        ([endpoint(2, conditions=SERVING, zones="zb"), endpoint(3, conditions=SERVING)], [2, 3]),
        ([endpoint(2, conditions=GONE)], []),
        ([endpoint(2), endpoint(3, conditions=SERVING)], [2]),
        ([endpoint(2, conditions=UNWRITTEN)], [2]),  # nothing written means ready
    ],
)
def test_cluster_scope(endpoints: list[Endpoint], expected: list[int]) -> None:
    assert last_bytes(plan(slice_(*endpoints)), "cluster") == expected


def test_local_and_cluster_scope_fall_back_on_their_own() -> None:
    found = plan(
        slice_(endpoint(2, "n2"), endpoint(3, conditions=SERVING)),
        of=service(external_traffic_policy="Local"),
    )
    assert last_bytes(found, "local") == [3]
    assert last_bytes(found, "cluster") == [2]
    assert last_bytes(found, "reachable") == [2, 3]


def test_a_terminating_endpoint_does_not_replace_another_with_the_same_address() -> None:
    old, new = endpoint(2, conditions=GONE), endpoint(2)
    for first, second in ((old, new), (new, old)):
        assert last_bytes(plan(slice_(first, name="a"), slice_(second, name="b")), "cluster") == [2]


@pytest.mark.parametrize(
    ("spec", "endpoints", "expected"),
    [
        ({}, [], "REJECT"),
        ({}, [endpoint(2, conditions=GONE)], "REJECT"),
        ({"internal_traffic_policy": "Local"}, [endpoint(2, "n2")], "DROP"),
        ({"external_traffic_policy": "Local"}, [endpoint(2, None)], "DROP"),
    ],
)
def test_refused_or_dropped(spec: dict[str, object], endpoints: list[Endpoint], expected: str) -> None:
    found = plan(slice_(*endpoints), of=service(**spec))
    assert not (found.has_internal and found.has_external)
    assert found.verdict == expected


@pytest.mark.parametrize(
    "of",
    [
        service(cluster_ip="None"),
        service(cluster_ip=""),
        service(type="ExternalName"),
        service(cluster_ip="fd00::9"),
        Service(
            metadata=Meta("s", "a", labels={"service.kubernetes.io/service-proxy-name": ""}),
            spec=SERVICE.spec,
        ),
    ],
)
def test_services_that_this_proxy_leaves_alone(of: Service) -> None:
    assert plans(World(services=(of,), slices=(slice_(endpoint(2)),)), "n1") == ()


def test_slices_of_another_proxy_and_of_headless_services_are_not_watched() -> None:
    for label in ("service.kubernetes.io/service-proxy-name", "service.kubernetes.io/headless"):
        assert not plan(slice_(endpoint(2), labels={label: "x"})).choice.anywhere


def balanced(mode: str | None, ranges: tuple[str, ...] = ()) -> World:
    of = Service(
        metadata=SERVICE.metadata,
        spec=service(type="LoadBalancer", load_balancer_source_ranges=ranges).spec,
        status=ServiceStatus(LoadBalancerStatus((LoadBalancerIngress(ip="192.0.2.200", ip_mode=mode),))),
    )
    return World(services=(of,), slices=(slice_(endpoint(2)),), nodes=(NODE,))


def test_a_proxying_balancer_gets_no_rules_for_its_address() -> None:
    for render in (iptables.render, nftables.render):
        assert "192.0.2.200" in render(balanced("VIP"), "n1")
        assert "192.0.2.200" in render(balanced(None), "n1")
        assert "192.0.2.200" not in render(balanced("Proxy"), "n1")


def test_source_ranges_without_the_node_do_not_let_the_balancer_address_in() -> None:
    world = balanced("VIP", (" 198.51.100.0/24 ",))
    assert " -s 198.51.100.0/24 -m comment" in iptables.render(world, "n1")
    assert " -s 192.0.2.200/32 " not in iptables.render(world, "n1")
    assert "ip saddr != { 198.51.100.0/24 } drop" in nftables.render(world, "n1")


def test_without_endpoints_only_nftables_keeps_the_firewall() -> None:
    world = replace(balanced("VIP", ("198.51.100.0/24",)), slices=())
    assert "KUBE-FW-" not in iptables.render(world, "n1")
    assert "add chain ip kube-proxy firewall-" in nftables.render(world, "n1")


def test_wrong_addresses_and_ranges_are_skipped() -> None:
    of = service(
        type="LoadBalancer", external_ips=("x", "fd00::1"), load_balancer_source_ranges=("x", "10.1.2.3/8")
    )
    found = plan(slice_(endpoint(2)), of=of)
    assert (found.external_ips, found.source_ranges) == ((), ("10.0.0.0/8",))


def test_two_services_that_claim_one_address_leave_one_element() -> None:
    claiming = [service(external_ips=("198.51.100.7",), cluster_ip=f"10.96.0.{last}") for last in (8, 9)]
    services = tuple(Service(Meta(f"s{n}", "a"), each.spec) for n, each in enumerate(claiming))
    script = nftables.render(World(services=services, nodes=(NODE,)), "n1")
    assert script.count("198.51.100.7 . tcp . 80") == 1


@pytest.mark.lab
def test_both_kernels_languages_take_a_service_that_uses_everything(
    in_namespace: Callable[[str, str], str],
) -> None:
    of = service(
        type="LoadBalancer",
        session_affinity="ClientIP",
        external_ips=("198.51.100.7",),
        external_traffic_policy="Local",
        internal_traffic_policy="Local",
        health_check_node_port=32000,
    )
    world = replace(balanced("VIP", ("198.51.100.0/24", "203.0.113.0/24")), cluster_cidr="10.0.0.0/8")
    world = replace(world, services=(Service(of.metadata, of.spec, world.services[0].status),))
    saved = in_namespace("iptables-restore && iptables-save", iptables.render(world, "n1"))
    assert "--dport 32000 -j ACCEPT" in saved
    assert "KUBE-SVL-" in saved
    assert "timeout 3h" in in_namespace("nft -f - && nft list ruleset", nftables.render(world, "n1"))
