"""Sightings become one flow: over what a real kube-proxy did, and over anything at all."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinspect.trace.correlate import Flow, correlate
from kinspect.trace.packet import ACK, RST, SYN, Packet
from kinspect.trace.sighting import Place, SequenceMark, Sighting, TokenMark
from tests.trace.recordings import RECORDED, firsts, sightings


def way(flow: Flow) -> list[str]:
    """Both directions in short: place, interface, and the addresses there."""
    lines = []
    for seen in flow.original + flow.reply:
        sighting, packet = seen.sighting, seen.sighting.packet
        arrow = ">" if seen.direction == "original" else "<"
        wrapped = " vxlan" if packet.tunnel else ""
        lines.append(f"{arrow} {sighting.place.name} {sighting.interface} {packet.src} {packet.dst}{wrapped}")
    return lines


def test_a_node_port_across_nodes_is_joined_through_dnat_masquerade_and_vxlan() -> None:
    found = sightings("nodeport-cross-node")
    assert way(correlate(SequenceMark(firsts(found)[0]), found)) == [
        "> client eth0 192.0.2.100 192.0.2.11",
        "> node1 eth0 192.0.2.100 192.0.2.11",
        "> node1 flannel.1 10.244.0.0 10.244.1.3",
        "> node1 eth0 10.244.0.0 10.244.1.3 vxlan",
        "> node2 eth0 10.244.0.0 10.244.1.3 vxlan",
        "> node2 flannel.1 10.244.0.0 10.244.1.3",
        "> node2 cni0 10.244.0.0 10.244.1.3",
        "> shop/web0 eth0 10.244.0.0 10.244.1.3",
        "< shop/web0 eth0 10.244.1.3 10.244.0.0",
        "< node2 cni0 10.244.1.3 10.244.0.0",
        "< node2 flannel.1 10.244.1.3 10.244.0.0",
        "< node2 eth0 10.244.1.3 10.244.0.0 vxlan",
        "< node1 eth0 10.244.1.3 10.244.0.0 vxlan",
        "< node1 flannel.1 10.244.1.3 10.244.0.0",
        "< node1 eth0 192.0.2.11 192.0.2.100",
        "< client eth0 192.0.2.11 192.0.2.100",
    ]


def test_a_hairpin_passes_the_same_interface_twice() -> None:
    found = sightings("hairpin")
    flow = correlate(SequenceMark(firsts(found)[0]), found)
    assert way(flow)[:3] == [
        "> shop/web0 eth0 10.244.1.3 10.96.225.63",
        "> node2 cni0 10.244.1.3 10.244.1.3",
        "> shop/web0 eth0 10.244.1.1 10.244.1.3",
    ]


def test_a_refusal_by_icmp_is_joined_by_what_it_quotes() -> None:
    found = sightings("nodeport-no-endpoints")
    flow = correlate(SequenceMark(firsts(found)[0]), found)
    assert [seen.matched_by for seen in flow.reply] == ["quoted", "quoted"]


def test_retransmissions_are_counted_and_make_no_hop() -> None:
    found = sightings("nodeport-local-no-local-endpoint")
    flow = correlate(SequenceMark(firsts(found)[0]), found)
    assert len(flow.original) == 2
    assert flow.repeated > 0
    assert flow.reply == ()


def test_the_two_connections_of_an_ingress_are_two_flows() -> None:
    found = sightings("ingress-http")
    flows = [correlate(SequenceMark(first), found) for first in firsts(found)]
    assert [flow.original[0].sighting.place.name for flow in flows] == ["client", "shop/ingress"]


def test_a_datagram_is_known_by_its_token_and_its_answer_by_the_ports() -> None:
    found = sightings("udp-nodeport")
    token = next(each.packet.payload for each in found if each.packet.protocol == 17)
    flow = correlate(TokenMark(token), found)
    assert flow.original[0].sighting.place.name == "client"
    assert flow.reply[-1].sighting.place.name == "client"


STORIES = sorted(path.name for path in RECORDED.iterdir() if path.is_dir())


@pytest.mark.parametrize("story", STORIES)
def test_the_order_of_arrival_means_nothing(story: str) -> None:
    found = sightings(story)
    for first in firsts(found):
        expected = correlate(SequenceMark(first), found)
        for seed in range(5):
            shuffled = found[:]
            random.Random(seed).shuffle(shuffled)
            assert correlate(SequenceMark(first), shuffled) == expected


@st.composite
def any_sightings(draw: st.DrawFn) -> list[Sighting]:
    """Sightings at a few places, with addresses, numbers and times that collide as often as they can."""
    addresses = st.sampled_from(["10.0.0.1", "10.0.0.2"])
    numbers = st.sampled_from([99, 100, 101, 102, 2**32 - 1, 0])
    flags = st.sampled_from([SYN, SYN | ACK, ACK, RST, RST | ACK, 0])
    packet = st.builds(
        Packet, addresses, addresses, st.sampled_from([6, 17]), st.integers(1, 2), st.integers(1, 2),
        st.integers(62, 64), flags, numbers, numbers, st.sampled_from([b"", b"token", b"other"]),
        st.none(), st.none(), st.none(),
    )  # fmt: skip
    places = st.sampled_from([Place("node", "n1"), Place("node", "n2"), Place("pod", "a/b")])
    ones = draw(
        st.lists(
            st.tuples(places, st.sampled_from(["eth0", "br0"]), st.booleans(), st.integers(0, 3), packet),
            max_size=12,
        )
    )
    return [
        Sighting(place, link, out, time, n, each) for n, (place, link, out, time, each) in enumerate(ones)
    ]


MARKS = st.sampled_from([SequenceMark(100), SequenceMark(2**32 - 1), TokenMark(b"token")])


@given(any_sightings(), MARKS, st.randoms())
def test_any_order_gives_the_same_flow(
    found: list[Sighting], mark: SequenceMark, chance: random.Random
) -> None:
    shuffled = found[:]
    chance.shuffle(shuffled)
    assert correlate(mark, shuffled) == correlate(mark, found)


@given(any_sightings(), MARKS)
def test_no_hop_is_invented_and_none_stands_twice(found: list[Sighting], mark: SequenceMark) -> None:
    flow = correlate(mark, found)
    kept = [seen.sighting for seen in flow.original + flow.reply]
    assert set(kept) <= set(found)
    assert len(kept) == len(set(kept))
    for way in (flow.original, flow.reply):
        times = [seen.sighting.time_ns for seen in way]
        assert times == sorted(times)


@given(any_sightings(), any_sightings())
def test_a_stranger_with_the_same_addresses_and_ports_changes_nothing(
    found: list[Sighting], strangers: list[Sighting]
) -> None:
    mark = SequenceMark(100)
    others = [
        each._replace(order=each.order + 1000, packet=each.packet._replace(seq=7, ack=8))
        for each in strangers
    ]
    assert correlate(mark, found + others) == correlate(mark, found)
