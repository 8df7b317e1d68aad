"""What `resolve` predicts is what the written rules do, for random Services, slices, clients and addresses.

Three accounts of kube-proxy that share no code: the choice in `resolve`, the one from which the lab's rules
are written, and the walk through those rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kinspect.lab.proxy import iptables, nftables
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
from kinspect.model.snapshot import snapshot_of
from kinspect.resolve.backends import backends
from kinspect.resolve.traffic import Client, Traffic, choose
from kinspect.ruleset import iptables_save, nft_json, walk
from kinspect.ruleset.matching import Headers
from kinspect.ruleset.matching import Node as Place
from kinspect.ruleset.model import Ruleset

ZONES = {"n1": "a", "n2": "a", "n3": "b"}
NODES = tuple(
    Node(
        metadata=Meta(name, labels={"topology.kubernetes.io/zone": zone}),
        status=NodeStatus(addresses=(NodeAddress("InternalIP", f"192.0.2.{name[1]}"),)),
    )
    for name, zone in ZONES.items()
)
VIP, EXTERNAL, BALANCER, NODE_PORT = "10.96.0.9", "198.51.100.7", "203.0.113.7", 30_001
SOURCES = {"pod": "10.244.0.200", "node": "192.0.2.1", "outside": "203.0.113.99"}
BOOLEANS = st.sampled_from((None, True, False))
POLICIES = st.sampled_from((None, "Cluster", "Local"))


@dataclass(frozen=True)
class Case:
    """A connection from n1, or through it, to one address of the only Service."""

    service: Service
    slices: tuple[EndpointSlice, ...]
    origin: str
    address: str

    @property
    def world(self) -> World:
        return World((self.service,), self.slices, NODES, "10.244.0.0/16", ("10.96.0.0/16",))

    @property
    def traffic(self) -> Traffic:
        return "internal" if self.address == VIP else "external"


@st.composite
def endpoints(draw: st.DrawFn, last: int) -> Endpoint:
    hints = EndpointHints(
        tuple(map(ForZone, draw(st.sets(st.sampled_from("ab"))))),
        tuple(map(ForNode, draw(st.sets(st.sampled_from(("n1", "n2")))))),
    )
    return Endpoint(
        (f"10.244.0.{last}",),
        EndpointConditions(draw(BOOLEANS), draw(BOOLEANS), draw(BOOLEANS)),
        node_name=draw(st.sampled_from((None, *ZONES))),
        hints=draw(st.sampled_from((None, hints))),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    protocol = draw(st.sampled_from(("TCP", "UDP")))
    service = Service(
        metadata=Meta("s", "a"),
        spec=ServiceSpec(
            type="LoadBalancer",
            cluster_ip=VIP,
            ports=(ServicePort("p", protocol, port=80, node_port=NODE_PORT),),
            external_ips=(EXTERNAL,),
            session_affinity=draw(st.sampled_from(("None", "ClientIP"))),
            internal_traffic_policy=draw(POLICIES),
            external_traffic_policy=draw(POLICIES),
        ),
        status=ServiceStatus(LoadBalancerStatus((LoadBalancerIngress(BALANCER, ip_mode="VIP"),))),
    )
    count = draw(st.integers(0, 6))
    made = [draw(endpoints(last)) for last in range(2, 2 + count)]
    split = draw(st.integers(0, count))
    slices = tuple(
        EndpointSlice(
            metadata=Meta(f"s-{n}", "a", labels={"kubernetes.io/service-name": "s"}),
            endpoints_or_null=tuple(part),
            ports_or_null=(EndpointPort("p", protocol, 8080),),
        )
        for n, part in enumerate((made[:split], made[split:]))
    )
    address = draw(st.sampled_from((VIP, EXTERNAL, BALANCER, "192.0.2.1")))
    return Case(service, slices, draw(st.sampled_from(sorted(SOURCES))), address)


def check(case: Case, ruleset: Ruleset, refused_by_node: bool) -> None:
    """The walk against the prediction. `refused_by_node`: see the last limit of `resolve.traffic`."""
    (port,) = case.service.spec.ports
    snapshot = snapshot_of(
        [("Service", case.service), *(("EndpointSlice", each) for each in case.slices)], {}
    )
    client = Client("n1", "a", case.origin)  # type: ignore[arg-type]
    choice = choose(case.service, backends(snapshot, case.service, port), client, case.traffic)
    dport = NODE_PORT if case.address == "192.0.2.1" else 80
    headers = Headers(port.protocol.lower(), SOURCES[case.origin], 40_000, case.address, dport)
    place = Place(frozenset(("192.0.2.1",)))
    ways = walk.journey(ruleset, headers, place, "node" if case.origin == "node" else "network")
    shares = walk.dnat_shares(ways)
    assert set(shares) == {(each.address, each.port) for each in choice.backends}
    assert all(share == pytest.approx(1 / len(shares), abs=1e-6) for share in shares.values())
    ends = {"backends": {"accept"}, "refused": {"reject"}, "silent": {"drop"}}[choice.outcome]
    leaves = case.origin == "node" and case.address in (EXTERNAL, BALANCER) and not refused_by_node
    assert {way.end for way in ways} == ({"accept"} if leaves else ends)
    if choice.backends:
        assert {way.masqueraded for way in ways} == {choice.masquerade}


@settings(max_examples=400, deadline=None)
@given(cases())
def test_iptables_rules_do_as_predicted(case: Case) -> None:
    check(case, iptables_save.read(iptables.render(case.world, "n1")), refused_by_node=False)


@pytest.mark.lab
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases())
def test_nftables_rules_do_as_predicted(case: Case, in_namespace: Callable[[str, str], str]) -> None:
    listed = in_namespace("nft -f - && nft -j list ruleset", nftables.render(case.world, "n1"))
    check(case, nft_json.read(listed), refused_by_node=True)
