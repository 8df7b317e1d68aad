"""Reads the recorded captures as the sightings that our own capture would have made of them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from kinspect.trace.packet import ACK, SYN, Packet, read
from kinspect.trace.sighting import Place, Sighting

RECORDED = Path(__file__).with_name("recorded")
IPV4 = b"\x08\x00"
NODES = {
    "node1": ("192.0.2.11", "10.244.0."),
    "node2": ("192.0.2.12", "10.244.1."),
    "node3": ("192.0.2.13", "10.244.2."),
}
"""Each node's own address, and how the addresses of its pods begin."""

BALANCED = "192.0.2.200"
PODS = {
    "shop/web0": "10.244.1.3",
    "shop/src": "10.244.0.5",
    "shop/echo2": "10.244.1.2",
    "shop/ingress": "10.244.1.5",
    "shop/coredns1": "10.244.0.4",
    "shop/coredns3": "10.244.2.6",
}

OWNED = {
    Place("node", name): frozenset({address, f"{pods}0", f"{pods}1"})
    for name, (address, pods) in NODES.items()
}


def frames(path: Path) -> Iterator[tuple[int, bytes]]:
    """(time_ns, packet from its network header) of every IPv4 frame in a pcap file with microseconds."""
    data = path.read_bytes()
    at = 24
    while at < len(data):
        seconds, micros, kept, _ = struct.unpack_from("<IIII", data, at)
        frame = data[at + 16 : at + 16 + kept]
        at += 16 + kept
        if frame[12:14] == IPV4:
            yield seconds * 10**9 + micros * 1000, frame[14:]


def sightings(story: str) -> list[Sighting]:
    """All packets of a story."""
    found = []
    for path in sorted((RECORDED / story).glob("*.pcap")):
        name, _, interface = path.stem.rpartition("-")
        place = Place("node" if name in NODES else "declared", name)
        if name.startswith("pod-"):
            place = Place("pod", f"shop/{name.removeprefix('pod-')}")
        for order, (time_ns, data) in enumerate(frames(path)):
            packet = read(data)
            if packet is not None:
                outgoing = _outgoing(place, interface, packet)
                found.append(Sighting(place, interface, outgoing, time_ns, order, packet))
    return found


def _outgoing(place: Place, interface: str, packet: Packet) -> bool:
    """A pcap file does not tell the direction: it follows from the addresses in these recordings."""
    if place.name in PODS:
        return packet.src == PODS[place.name]
    if place.kind != "node":
        return packet.dport in (80, 443, 53, 30081, 30090, 30092, 30093, 30053, 8088, 30443)
    own, pods = NODES[place.name]
    if interface == "eth0":
        return (packet.tunnel.src if packet.tunnel else packet.src) in (own, BALANCED)
    if interface == "cni0":
        return packet.dst.startswith(pods) and packet.dst not in (f"{pods}0", f"{pods}1")
    return not packet.dst.startswith(pods)


def firsts(found: list[Sighting]) -> list[int]:
    """The first sequence numbers of the connections in a story, in the order of their opening."""
    ordered = sorted(found, key=lambda each: each.time_ns)
    return list(dict.fromkeys(each.packet.seq for each in ordered if each.packet.flags & (SYN | ACK) == SYN))
