"""The only door to Scapy: builds the packets that are sent, and tells all about one that was seen.

Scapy is imported when first needed, and of it only the layers that are used (a quarter of a second; the whole
of it takes three times as long). Nothing here is on the path of a capture: that is `packet`'s.
"""

from __future__ import annotations

from typing import Any

EPHEMERAL = range(49_152, 61_000)
"""Ports for packets that no socket sends."""


def prepare() -> None:
    """Imports what building a packet needs, so that it is there when there is no time to lose."""
    import scapy.layers.inet  # noqa: F401


def syn(src: str, sport: int, dst: str, dport: int, sequence: int, ttl: int = 64) -> bytes:
    """An IPv4 packet that opens a TCP connection with this first sequence number, as Linux would send it."""
    from scapy.layers.inet import IP, TCP

    options = [("MSS", 1460), ("SAckOK", b""), ("NOP", None), ("WScale", 7)]
    header = TCP(sport=sport, dport=dport, flags="S", seq=sequence, window=64_240, options=options)
    return bytes(IP(src=src, dst=dst, ttl=ttl, flags="DF", id=0) / header)


def datagram(src: str, sport: int, dst: str, dport: int, payload: bytes, ttl: int = 64) -> bytes:
    """An IPv4 packet with one UDP datagram."""
    from scapy.layers.inet import IP, UDP

    return bytes(IP(src=src, dst=dst, ttl=ttl, id=0) / UDP(sport=sport, dport=dport) / payload)


def query(token: bytes, suffix: str = "svc.cluster.local") -> bytes:
    """A DNS query for a name that begins with the token and that no cluster has."""
    from scapy.layers.dns import DNS, DNSQR

    name = f"{token.decode('ascii')}.{suffix}"
    number = int.from_bytes(token[-4:], "big") & 0xFFFF
    return bytes(DNS(id=number, rd=1, qd=DNSQR(qname=name, qtype="A")))


def dissected(data: bytes) -> list[str]:
    """Every layer of a packet and its fields, a line each, for the person. Total on any input."""
    from scapy.layers.inet import IP
    from scapy.layers.vxlan import VXLAN  # noqa: F401 (its import binds the UDP ports)

    try:
        packet: Any = IP(data)
        return [str(line) for line in packet.show(dump=True).splitlines() if line.strip()]
    except Exception as error:  # noqa: BLE001 (hostile bytes may end in any exception of Scapy's)
        return [f"malformed: {type(error).__name__}"]
