"""Things that break on nodes and pods, each with the first hop that shows it, its cause, a healthy twin."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

import pytest

from kinspect.lab import places
from kinspect.model.path import Trace
from tests.asks.running_lab import RunningLab, running

pytestmark = pytest.mark.lab

CLIENT_POD = "pod/shop/client-1"
MOST_TRIES = 12
"""A fault of one backend of two is met with the first try in half of all cases."""


@pytest.fixture(scope="module", params=[("vxlan", "iptables"), ("vxlan", "nftables")], ids="-".join)
def ground(request: pytest.FixtureRequest) -> Iterator[RunningLab]:
    with running(*request.param) as lab:
        yield lab


@pytest.fixture(scope="module")
def one_ground() -> Iterator[RunningLab]:
    """For what does not depend on the proxy."""
    with running("vxlan", "iptables") as lab:
        yield lab


class Symptom(NamedTuple):
    """What is traced, where it parts ("" = it does not), and codes, one of which must be a cause."""

    target: str
    vantage: str
    place: str
    codes: frozenset[str]


def symptom(target: str, vantage: str, place: str, *codes: str) -> Symptom:
    return Symptom(target, vantage, place, frozenset(codes))


RULE_FAULTS = {
    "chain-emptied": symptom("svc/a-pair", CLIENT_POD, "node1", "NAT304"),
    "stale-backend": symptom("svc/a-pair", CLIENT_POD, "node1", "NAT305"),
    "missing-backend": symptom("svc/a-pair", CLIENT_POD, "", "NAT306"),
    "lost-jump": symptom("svc/far", CLIENT_POD, "node1", "NAT302"),
    "masquerade-missing": symptom("node/node1:30081", "client", "node1", "NAT302", "NAT309", "NAT310"),
    "forward-drop": symptom("svc/far", CLIENT_POD, "node1", "NOD302"),
    "node-port-firewall": symptom("node/node1:30085", "client", "node1", "NOD302"),
}
"""These break other rules in each mode of the proxy."""

OTHER_FAULTS = {
    "fdb-entry-missing": symptom("svc/far", CLIENT_POD, "node1", "NOD304"),
    "route-missing": symptom("svc/far", CLIENT_POD, "node1", "NOD303"),
    "ip-forward-off": symptom("svc/far", CLIENT_POD, "node1", "NOD301"),
    "mtu-hole": symptom("svc/far", CLIENT_POD, "", "NOD307"),
    "listener-on-loopback": symptom("svc/a-pair", CLIENT_POD, "shop/here-too", "EPS302"),
    "hairpin-off": symptom("svc/a-pair", "pod/shop/here-too", "node1", "NOD309"),
    "pod-link-down": symptom("svc/a-pair", CLIENT_POD, "node1", "NOD306"),
}


@pytest.mark.parametrize("name", RULE_FAULTS)
def test_a_fault_of_the_rules_shows_at_its_hop_with_its_cause(ground: RunningLab, name: str) -> None:
    _shows(ground, ground.broken(name), RULE_FAULTS[name])


@pytest.mark.parametrize("name", OTHER_FAULTS)
def test_another_fault_shows_at_its_hop_with_its_cause(one_ground: RunningLab, name: str) -> None:
    _shows(one_ground, one_ground.broken(name), OTHER_FAULTS[name])


def test_a_dead_port_is_refused_by_the_pod(one_ground: RunningLab) -> None:
    traced = one_ground.trace("svc/dead-port", CLIENT_POD).trace
    assert traced.verdict == "refused"
    assert "shop/there" in _parted_at(traced)
    assert [cause.code for cause in traced.causes] == ["EPS301"]


def test_strict_reverse_path_filtering_is_named(one_ground: RunningLab) -> None:
    """Packets of the client come in by eth0, while the route back to it leads into the bridge."""
    strict = [
        ["sysctl", "-qw", "net.ipv4.conf.eth0.rp_filter=1"],
        ["ip", "route", "add", "203.0.113.9", "dev", "cni0"],
    ]
    loose = [["ip", "route", "del", "203.0.113.9"], ["sysctl", "-qw", "net.ipv4.conf.eth0.rp_filter=0"]]
    fault = _commands(one_ground, strict, loose)
    _shows(one_ground, fault, symptom("node/node1:30081", "client", "node1", "NOD305"))


METHODS = ["marked connect", "marked syn", "kernel table"]


@pytest.mark.parametrize("method", METHODS)
def test_a_place_that_has_no_route_says_so(one_ground: RunningLab, method: str) -> None:
    traced = one_ground.trace("svc/far", "balancer", method=method).trace
    assert (traced.verdict, _told_at(traced)) == ("dropped", [("NOD310", "balancer")])
    assert traced.divergence is not None
    assert "EINVAL (its route says blackhole)" in traced.divergence.seen
    assert _is_fine(one_ground.trace("node/node1:30081", "balancer", method=method).trace)


def test_a_pod_that_has_no_route_says_so(one_ground: RunningLab) -> None:
    lost = ["ip", "route", "del", "default"]
    back = ["ip", "route", "add", "default", "via", "10.244.1.1"]
    with _commands(one_ground, [lost], [back], at=CLIENT_POD):
        traced = one_ground.trace("svc/far", CLIENT_POD).trace
    assert _told_at(traced) == [("NOD310", "shop/client-1")]
    assert "no route" in traced.causes[0].message
    assert _is_fine(one_ground.trace("svc/far", CLIENT_POD).trace)


@pytest.mark.parametrize("kind", ["blackhole", "unreachable", "prohibit"])
def test_a_router_that_has_no_route_is_named(one_ground: RunningLab, kind: str) -> None:
    """What it answers, if anything, the client's packets get; the router itself can be asked why."""
    route, back = (["ip", "route", "replace", each, "default"] for each in (kind, "blackhole"))
    removed = ["ip", "route", "del", "blackhole", "default"]
    with _commands(
        one_ground, [removed, route], [["ip", "route", "del", kind, "default"], back], at="balancer"
    ):
        traced = one_ground.trace("svc/far", "client").trace
    assert _told_at(traced) == [("NOD310", "balancer")], traced
    assert f"its route says {kind}" in traced.causes[0].message


def test_a_next_hop_that_is_not_there_is_named(one_ground: RunningLab) -> None:
    traced = one_ground.trace("192.0.2.77:80", CLIENT_POD).trace
    assert _told_at(traced) == [("NOD312", "node1")]
    assert "nobody answers for 192.0.2.77" in traced.causes[0].message


def test_a_node_without_rules_is_named(ground: RunningLab) -> None:
    nftables = ground.lab.means.proxy == "nftables"
    table = ["nft", "delete", "table", "ip", "kube-proxy"] if nftables else ["iptables", "-t", "nat", "-F"]
    save = ["nft", "list", "table", "ip", "kube-proxy"] if nftables else ["iptables-save", "-t", "nat"]
    kept = ground.do(ground.lab.ground.must(places.node("node1"), save))
    restore = ["nft", "-f", "-"] if nftables else ["iptables-restore"]
    fault = _commands(ground, [table], [restore], kept)
    _shows(ground, fault, symptom("svc/far", CLIENT_POD, "node1", "NAT301", "NAT302"))


def test_a_cluster_ip_that_the_rules_have_lost_is_named(ground: RunningLab) -> None:
    """In nftables mode it is refused then, as a wrong port is; iptables lets it go where no host is."""
    service = next(each for key, each in ground.snapshot.services.items() if key.name == "far")
    address = service.spec.cluster_ip
    if ground.lab.means.proxy == "nftables":
        element = f"{{ {address} . tcp . 80 }}"
        lose = ["nft", "delete", "element", "ip", "kube-proxy", "service-ips", element]
    else:
        saved = ground.do(ground.lab.ground.must(places.node("node1"), ["iptables-save", "-t", "nat"]))
        rule = next(line for line in saved.splitlines() if f"-A KUBE-SERVICES -d {address}/32" in line)
        lose = ["iptables", "-t", "nat", *shlex.split(rule.replace("-A ", "-D ", 1))]
    with _commands(ground, [lose], []):
        traced = ground.trace("svc/far", CLIENT_POD).trace
        ground.do(ground.lab.proxy.sync(again=True))
    assert traced.causes[0].code == "NAT303", traced.causes
    assert _is_fine(ground.trace("svc/far", CLIENT_POD).trace)


def _shows(ground: RunningLab, fault: AbstractContextManager[object], expected: Symptom) -> None:
    """The fault is met, its cause is named, and after it nothing is: the healthy twin."""
    with fault:
        traced = _met(ground, expected)
        assert expected.codes & {cause.code for cause in traced.causes}, traced.causes
        if expected.place:
            assert traced.verdict in ("dropped", "refused")
            assert expected.place in _parted_at(traced)
            assert traced.causes[0].place.name == expected.place
            assert traced.divergence is not None
            assert expected.codes & set(traced.divergence.findings)
        else:
            assert traced.divergence is None
    assert _is_fine(ground.trace(expected.target, expected.vantage).trace)


def _met(ground: RunningLab, expected: Symptom) -> Trace:
    """The first trace that parts, or the first one of all where none should."""
    for _ in range(MOST_TRIES):
        traced = ground.trace(expected.target, expected.vantage).trace
        if traced.divergence is not None or not expected.place:
            return traced
    raise AssertionError("the fault was never met")


def _is_fine(traced: Trace) -> bool:
    return (traced.verdict, traced.divergence, traced.causes) == ("delivered", None, ())


def _told_at(traced: Trace) -> list[tuple[str, str]]:
    return [(cause.code, cause.place.name) for cause in traced.causes]


def _parted_at(traced: Trace) -> set[str]:
    """The hop of the divergence and the last sighting before it: one of the two is where it happened."""
    assert traced.divergence is not None
    hops = traced.paths[traced.divergence.path].hops
    at = traced.divergence.hop
    return {hop.place.name for hop in hops[max(0, at - 1) : at + 1]}


@contextmanager
def _commands(
    ground: RunningLab,
    break_: list[list[str]],
    heal: list[list[str]],
    stdin: str = "",
    at: str = "node/node1",
) -> Iterator[None]:
    """Runs commands at a place, and others afterwards, which are given `stdin`."""
    node = places.parse(at)
    try:
        for argv in break_:
            ground.do(ground.lab.ground.must(node, argv))
        yield
    finally:
        for argv in heal:
            ground.do(ground.lab.ground.run(node, argv, stdin))
