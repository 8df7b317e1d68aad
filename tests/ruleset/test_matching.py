"""Whether a match holds: yes, no, or nobody can say."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from kinspect.ruleset.matching import Headers, Node, found, holds
from kinspect.ruleset.model import ChainId, Container, Ruleset
from kinspect.ruleset.terms import (
    AddressIs,
    AddressIsLocal,
    DeviceIs,
    MarkIs,
    Match,
    Member,
    Opaque,
    PortIs,
    ProtocolIs,
    StateIs,
)

PACKET = Headers("tcp", "10.0.0.1", 40_000, "10.0.1.2", 80, mark=0x4001, in_device="cni0")
NODE = Node(frozenset(("10.0.1.2",)))
CLIENTS = Container(ChainId("ip t", "clients"), {("10.0.0.0/24",): None}, ranges=True)


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (AddressIs("src", (ip_network("10.0.0.0/24"),)), True),
        (AddressIs("dst", (ip_network("10.0.0.0/24"),)), False),
        (AddressIs("dst", (ip_network("10.0.0.0/24"),), True), True),
        (AddressIs("src", (ip_network("fd00::/8"),)), False),
        (AddressIsLocal("dst"), True),
        (AddressIsLocal("src", True), True),
        (ProtocolIs(("udp", "6")), True),
        (ProtocolIs(("udp",), True), True),
        (PortIs("dst", ((1, 79), (81, 90))), False),
        (PortIs("src", ((1024, 65535),)), True),
        (StateIs(("established", "new")), True),
        (StateIs(("dnat",)), False),
        (MarkIs(0x4000, 0x4000), True),
        (MarkIs(0x4000, 0xFFFF), False),
        (DeviceIs("src", "cni+"), True),
        (DeviceIs("src", "cni0", True), False),
        (DeviceIs("dst", "eth0"), None),  # nobody said by which it leaves
        (Member(("src",), "clients"), True),
        (Member(("dst",), "clients", True), True),
        (Member(("src",), "gone"), None),
        (Opaque("--something"), None),
    ],
)
def test_holds(match: Match, expected: bool | None) -> None:
    ruleset = Ruleset(containers={CLIENTS.id: CLIENTS})
    assert holds(match, PACKET, NODE, ruleset, "ip t") is expected


def test_without_the_nodes_addresses_only_loopback_is_sure() -> None:
    assert Node().owns("127.0.0.1") is True
    assert Node().owns("10.0.0.1") is None
    assert holds(AddressIsLocal("dst"), PACKET, Node(), Ruleset(), "nat") is None


@pytest.mark.parametrize(
    ("element", "is_found"),
    [
        (("10.0.1.2", "tcp", "80"), True),
        (("10.0.1.0/24", "tcp", "80"), True),
        (("10.0.1.1-10.0.1.9", "tcp", "1-100"), True),
        (("10.0.1.3-10.0.1.9", "tcp", "80"), False),
        (("10.0.1.2", "tcp", "81-90"), False),
        (("10.0.1.2", "tcp"), False),
        (("fd00::/8", "tcp", "80"), False),
        (("a-b", "tcp", "80"), False),
    ],
)
def test_elements_may_be_networks_and_ranges(element: tuple[str, ...], is_found: bool) -> None:
    container = Container(ChainId("ip t", "m"), {element: None}, ranges=True)
    assert found(container, ("dst", "protocol", "dport"), PACKET) == (element if is_found else None)
