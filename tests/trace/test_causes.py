"""What was read at a place points to a cause, or to none: every kind of cause without a kernel."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from kinspect.model.meta import Key
from kinspect.model.observation import (
    BridgePort,
    ForwardingEntry,
    Link,
    Listener,
    Neighbour,
    PlaceState,
    Route,
)
from kinspect.model.path import Address, At, Hop, Large, Verdict
from kinspect.model.snapshot import Snapshot
from kinspect.ruleset.faults import Fault
from kinspect.ruleset.model import ChainId
from kinspect.sources import open_file
from kinspect.trace.causes import Case, causes, codes, load
from kinspect.trace.compare import Parting
from kinspect.trace.run import Run
from kinspect.trace.sighting import Place
from kinspect.trace.target import Target
from tests.trace.recordings import OWNED
from tests.trace.test_recorded_stories import target_of, told

NODE1, NODE2, WEB = Place("node", "node1"), Place("node", "node2"), Place("pod", "shop/web0")
TUNNEL = Link(4, "flannel.1", "vxlan", mtu=1450)
ROUTE = Route("10.244.1.3", "flannel.1", "10.244.1.0")
NEIGHBOUR = Neighbour("10.244.1.0", "flannel.1", "02:00:00:00:00:02")
ENTRY = ForwardingEntry("02:00:00:00:00:02", "flannel.1", "192.0.2.12")


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return open_file([str(Path(__file__).with_name("recorded.yaml"))], None)


def found(snapshot: Snapshot, story: str, states: dict[Place, PlaceState]) -> list[str]:
    """The codes for a recorded story with this state of its places."""
    run, target = told(story, snapshot), target_of(story, snapshot)
    return [cause.code for cause in causes(Case(target, run, states, OWNED, {}))]


CASES = {
    "forwarding off": ("broken-ip-forward-0", PlaceState(settings={"net/ipv4/ip_forward": "0"}), ["NOD301"]),
    "forwarding on": ("broken-ip-forward-0", PlaceState(settings={"net/ipv4/ip_forward": "1"}), []),
    "strict reverse path, another way back": (
        "broken-ip-forward-0",
        PlaceState(
            settings={"net/ipv4/conf/eth0/rp_filter": "1", "net/ipv4/conf/all/rp_filter": "0"},
            routes=(Route("192.0.2.100", "cni0"),),
        ),
        ["NOD305"],
    ),
    "strict reverse path, the same way back": (
        "broken-ip-forward-0",
        PlaceState(settings={"net/ipv4/conf/eth0/rp_filter": "1"}, routes=(Route("192.0.2.100", "eth0"),)),
        [],
    ),
    "no forwarding entry": (
        "broken-fdb-entry-removed",
        PlaceState(links=(TUNNEL,), routes=(ROUTE,), neighbours=(NEIGHBOUR,)),
        ["NOD304"],
    ),
    "no neighbour entry": (
        "broken-fdb-entry-removed",
        PlaceState(links=(TUNNEL,), routes=(ROUTE,), forwarding=(ENTRY,)),
        ["NOD304"],
    ),
    "a forwarding entry that leads elsewhere": (
        "broken-fdb-entry-removed",
        PlaceState(
            links=(TUNNEL,),
            routes=(ROUTE,),
            neighbours=(NEIGHBOUR,),
            forwarding=(ForwardingEntry(ENTRY.hardware, ENTRY.device, "192.0.2.13"),),
        ),
        ["NOD304"],
    ),
    "a whole tunnel": (
        "broken-fdb-entry-removed",
        PlaceState(links=(TUNNEL,), routes=(ROUTE,), neighbours=(NEIGHBOUR,), forwarding=(ENTRY,)),
        [],
    ),
    "a route that leads elsewhere": (
        "broken-fdb-entry-removed",
        PlaceState(links=(Link(2, "eth0"),), routes=(Route("10.244.1.3", "eth0", "192.0.2.1"),)),
        ["NOD303"],
    ),
    "no route": (
        "broken-fdb-entry-removed",
        PlaceState(routes=(Route("10.244.1.3", error="no route"),)),
        ["NOD303"],
    ),
    "nothing could be read": ("broken-fdb-entry-removed", PlaceState(), []),
}


@pytest.mark.parametrize("name", CASES)
def test_the_state_of_the_node(name: str, snapshot: Snapshot) -> None:
    story, state, expected = CASES[name]
    assert found(snapshot, story, {NODE1: state}) == expected


def test_a_smaller_tunnel_is_named_though_it_was_delivered(snapshot: Snapshot) -> None:
    pod = PlaceState(links=(Link(2, "eth0", "veth", mtu=1450),))
    small = PlaceState(links=(Link(4, "flannel.1", "vxlan", mtu=1200),))
    whole = PlaceState(links=(TUNNEL,))
    assert found(snapshot, "nodeport-cross-node", {NODE1: small, WEB: pod}) == ["NOD307"]
    assert found(snapshot, "nodeport-cross-node", {NODE1: whole, WEB: pod}) == []


def test_whatever_kind_of_link_the_uplink_is(snapshot: Snapshot) -> None:
    """The node may be a container itself; and an end with a smaller link makes the other one send less."""
    mtus = {Place("pod", "shop/src"): 1450, WEB: 1400}
    ends = {place: PlaceState(links=(Link(2, "eth0", "veth", mtu=mtu),)) for place, mtu in mtus.items()}
    for mtu, expected in ((1200, ["NOD307"]), (1400, []), (1450, [])):
        uplink = PlaceState(links=(Link(2, "eth0", "veth", mtu=mtu),))
        assert found(snapshot, "clusterip-from-pod", {NODE1: uplink, **ends}) == expected


TRIED: dict[str, tuple[Verdict, list[str]]] = {
    "a large packet got through": ("delivered", []),
    "its sender was told": ("refused", []),
    "it was lost": ("dropped", ["flannel.1 takes 1200 bytes: a packet of 1450 bytes was seen last at cni0"]),
}


@pytest.mark.parametrize("name", TRIED)
def test_a_smaller_tunnel_is_named_for_what_was_lost_there(name: str, snapshot: Snapshot) -> None:
    """node1 sends it on by the tunnel; node2's own is only used by the answer, which was not tried."""
    verdict, expected = TRIED[name]
    story = "nodeport-cross-node"
    large = Large(1450, verdict, At("node", "node1"), "cni0", None, None)
    run = told(story, snapshot)._replace(large=large)
    pod = PlaceState(links=(Link(2, "eth0", "veth", mtu=1450),))
    small = PlaceState(links=(Link(4, "flannel.1", "vxlan", mtu=1200),))
    for places, more in (((NODE1,), []), ((NODE1, NODE2), ["flannel.1 takes 1200 bytes, the pod answers"])):
        states = {WEB: pod, **dict.fromkeys(places, small)}
        given = causes(Case(target_of(story, snapshot), run, states, OWNED, {}))
        assert {cause.code for cause in given} <= {"NOD307"}
        assert len(given) == len(expected + more)
        for cause, words in zip(given, expected + more, strict=True):
            assert words in cause.message


def test_what_the_rules_do_wrong_is_a_cause(snapshot: Snapshot) -> None:
    story = "broken-svc-chain-flushed"
    run, target = told(story, snapshot), target_of(story, snapshot)
    empty = Fault("emptied chain", ChainId("nat", "KUBE-SVC-X"), "a translation", "the chain is empty")
    stranger = Fault("dropped", ChainId("ip firewall", "forward"), "it goes on", "drop")
    nothing = Fault("no rules", ChainId("", ""), "a translation", "no rules of a service proxy")
    (first, second, third) = causes(Case(target, run, {}, OWNED, {NODE1: (empty, stranger, nothing)}))
    assert (first.code, second.code, third.code) == ("NAT304", "NOD302", "NAT301")
    assert "nat KUBE-SVC-X" in first.message
    assert first.fix
    assert third.message.startswith("expected a translation")


LISTENERS = {
    "nothing": ((), ["EPS301"]),
    "another port": ((Listener("TCP", "0.0.0.0", 80),), ["EPS301"]),
    "loopback only": ((Listener("TCP", "127.0.0.1", 8080),), ["EPS302"]),
    "everywhere": ((Listener("TCP", "0.0.0.0", 8080),), []),
    "loopback and everywhere": ((Listener("TCP", "127.0.0.1", 8080), Listener("TCP", "::", 8080)), []),
}


@pytest.mark.parametrize("name", LISTENERS)
def test_who_listens_in_a_pod_that_refuses(name: str, snapshot: Snapshot) -> None:
    listeners, expected = LISTENERS[name]
    healthy = told("nodeport-cross-node", snapshot)
    hops = list(healthy.hops)
    answer = next(index for index, hop in enumerate(hops) if hop.direction == "reply")
    hops[answer] = msgspec.structs.replace(hops[answer], actions=("sent", "rejected"), agrees=False)
    parting = Parting(answer, WEB, "it accepts", "it refused")
    run = healthy._replace(verdict="refused", hops=tuple(hops), parting=parting)
    target = target_of("nodeport-cross-node", snapshot)
    case = Case(target, run, {WEB: PlaceState(listeners=listeners)}, OWNED, {})
    assert [cause.code for cause in causes(case)] == expected


BALANCER, ROUTER = Place("declared", "balancer"), Place("declared", "router")
VIP, NEXT_HOP = "10.96.225.63", "192.0.2.1"
TO_THE_VIP = Target("svc/one", VIP, 80, "TCP", Key("shop", "one"), None, "internal", None, None, "")
OUT = Link(2, "eth0")


def unsent(error: str) -> Run:
    """A packet that its own kernel would not send."""
    parting = Parting(0, BALANCER, "balancer sends it", "the kernel would not")
    return Run("dropped", (), None, parting, None, "", error=error)


def stuck_at_router(*answers: Hop) -> Run:
    """A packet that a router outside of the cluster got, which nobody predicted."""
    ends = {"src": Address("203.0.113.9", 4000), "dst": Address(VIP, 80), "matched_by": "sequence"}
    router = At("declared", "router")
    client = Hop("original", At("declared", "client"), "eth0", "out", ("sent",), **ends)  # type: ignore[arg-type]
    came = Hop("original", router, "eth1", "in", ("received", "dropped"), **ends)  # type: ignore[arg-type]
    return Run("dropped", (client, came, *answers), None, None, None, "")


SAID = Hop(
    "reply",
    At("declared", "router"),
    "eth1",
    "out",
    ("sent",),
    Address("192.0.2.1", None),
    Address("203.0.113.9", None),
    icmp="host unreachable",
    matched_by="sequence",
)

NO_WAY = {
    "the kernel says so, and its route": (
        unsent("EINVAL"),
        BALANCER,
        Route(VIP, error="blackhole"),
        ["NOD310"],
    ),
    "the kernel says so": (unsent("ENETUNREACH"), BALANCER, None, ["NOD310"]),
    "it could not be read": (unsent(""), BALANCER, None, []),
    "there is a route": (unsent(""), BALANCER, Route(VIP, "eth0"), []),
    "a router has none": (stuck_at_router(), ROUTER, Route(VIP, error="no route"), ["NOD310"]),
    "a router has one": (stuck_at_router(), ROUTER, Route(VIP, "eth0", "192.0.2.9"), []),
    "a router's next hop is absent": (stuck_at_router(), ROUTER, Route(VIP, "eth0", NEXT_HOP), ["NOD312"]),
    "a router says so": (stuck_at_router(SAID), ROUTER, None, ["NOD311"]),
    "a router says so, and its route": (
        stuck_at_router(SAID),
        ROUTER,
        Route(VIP, error="no route"),
        ["NOD310"],
    ),
    "another place was read": (stuck_at_router(), BALANCER, Route(VIP, error="no route"), []),
}


@pytest.mark.parametrize("name", NO_WAY)
def test_a_packet_that_has_no_way_on(name: str) -> None:
    run, place, route, expected = NO_WAY[name]
    asked = (Neighbour(NEXT_HOP, "eth0"), Neighbour("192.0.2.9", "eth0", "02:00:00:00:00:09"))
    state = PlaceState(links=(OUT,), routes=(route,) if route else (), neighbours=asked)
    found = causes(Case(TO_THE_VIP, run, {place: state}, OWNED, {}))
    assert [cause.code for cause in found] == expected
    assert all(cause.place == At(place.kind, place.name) for cause in found)


def test_every_code_is_told_once_and_says_what_to_do() -> None:
    given = [code for kind in load() for code in kind.CODES]
    assert len(given) == len(set(given))
    assert all(told.title and told.fix for told in codes().values())


def test_a_bridge_port_without_hairpin_is_named(snapshot: Snapshot) -> None:
    """A pod that chose itself, and whose node did not send the packet back to it."""
    healthy = told("hairpin", snapshot)
    node = Place("node", "node2")
    parting = Parting(2, node, "it sends it on", "it did not")
    run = healthy._replace(verdict="dropped", hops=healthy.hops[:2], parting=parting)
    target = target_of("hairpin", snapshot)
    pod = PlaceState(links=(Link(2, "eth0", "veth", peer=9),))
    for hairpin, expected in ((False, ["NOD309"]), (True, [])):
        ports = (BridgePort("veth9", hairpin),)
        state = PlaceState(links=(Link(9, "veth9", "veth", "cni0", 2),), ports=ports)
        case = Case(target, run, {node: state, WEB: pod}, OWNED, {})
        assert [cause.code for cause in causes(case)] == expected
    down = PlaceState(
        links=(Link(9, "veth9", "veth", "cni0", 2, up=False),), ports=(BridgePort("veth9", True),)
    )
    case = Case(target, run, {node: down, WEB: pod}, OWNED, {})
    assert [cause.code for cause in causes(case)] == ["NOD306"]


def test_the_last_sighting_before_a_proxys_own_request_is_the_one_that_it_took(snapshot: Snapshot) -> None:
    run, target = told("ingress-http", snapshot), target_of("ingress-http", snapshot)
    own = next(
        n for n, hop in enumerate(run.hops) if n and hop.direction != run.hops[n - 1].direction == "reply"
    )
    parting = Parting(own, Place("pod", "shop/ingress"), "it leaves", "it does not")
    last = Case(target, run._replace(parting=parting), {}, OWNED, {}).last
    assert last is not None and "proxied" in last.actions
