"""Reads of a packet the fixed fields that a hop needs, at line rate. Total: any bytes give a Packet or None.

Looks into VXLAN and into what ICMP errors quote. Everything else about a packet is `dissect`'s business.
Source: RFC 791, RFC 9293 §3.1, RFC 768, RFC 792, RFC 7348 §5.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from struct import Struct
from typing import NamedTuple

from kinspect.trace.bpf import ICMP, ICMP_ERRORS, TCP, UDP, VXLAN_PORTS

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

_IP = Struct("!BxHxxHBBxxII")
_TCP = Struct("!HHIIBB")
_PORTS = Struct("!HH")
_VXLAN = Struct("!B3xI14s")
IPV4_FRAME = b"\x08\x00"


class Tunnel(NamedTuple):
    """What a packet was wrapped in; `id` is the VXLAN network identifier."""

    type: str
    src: str
    dst: str
    id: int


class Packet(NamedTuple):
    """An IPv4 packet. Numbers that its protocol lacks are 0. `payload` is what was captured of it.

    `quoted` is the packet that an ICMP error (`icmp`: type and code) complains about.
    """

    src: str
    dst: str
    protocol: int
    sport: int
    dport: int
    ttl: int
    flags: int
    seq: int
    ack: int
    payload: bytes
    tunnel: Tunnel | None
    icmp: tuple[int, int] | None
    quoted: Packet | None


def read(data: bytes, tunnel: Tunnel | None = None, deep: bool = True) -> Packet | None:
    """The packet that begins with this IPv4 header; the inner one of VXLAN. None = not one we understand.

    `deep` False takes tunnels and ICMP errors as they are: what is quoted is not looked into again.
    """
    if len(data) < _IP.size:
        return None
    version_length, total, fragment, ttl, protocol, src, dst = _IP.unpack_from(data)
    start = (version_length & 0x0F) * 4
    if version_length >> 4 != 4 or start < 20 or fragment & 0x1FFF:
        return None
    end = total if start <= total < len(data) else len(data)  # padding is cut; offloads may write 0
    body = data[start:end]
    base = Packet(_dotted(src), _dotted(dst), protocol, 0, 0, ttl, 0, 0, 0, b"", tunnel, None, None)
    if protocol == TCP:
        return _tcp(base, body)
    if protocol == UDP:
        return _udp(base, body, deep)
    if protocol == ICMP:
        return _icmp(base, body, deep)
    return base


def _tcp(base: Packet, body: bytes) -> Packet | None:
    if len(body) < 8:
        return None
    if len(body) < _TCP.size:  # all that the shortest ICMP error quotes
        sport, dport = _PORTS.unpack_from(body)
        return base._replace(sport=sport, dport=dport, seq=int.from_bytes(body[4:8], "big"))
    sport, dport, seq, ack, offset, flags = _TCP.unpack_from(body)
    payload = body[(offset >> 4) * 4 :] if offset >> 4 >= 5 else b""
    return base._replace(sport=sport, dport=dport, seq=seq, ack=ack, flags=flags, payload=payload)


def _udp(base: Packet, body: bytes, deep: bool) -> Packet | None:
    if len(body) < 8:
        return None
    sport, dport = _PORTS.unpack_from(body)
    if deep and base.tunnel is None and dport in VXLAN_PORTS and len(body) >= 8 + _VXLAN.size:
        _, identifier, ethernet = _VXLAN.unpack_from(body, 8)
        if ethernet[12:] == IPV4_FRAME:
            inside = read(body[8 + _VXLAN.size :], Tunnel("vxlan", base.src, base.dst, identifier >> 8))
            if inside is not None:
                return inside
    return base._replace(sport=sport, dport=dport, payload=body[8:])


def _icmp(base: Packet, body: bytes, deep: bool) -> Packet | None:
    if len(body) < 8:
        return None
    quoted = read(body[8:], base.tunnel, False) if deep and body[0] in ICMP_ERRORS else None
    return base._replace(icmp=(body[0], body[1]), quoted=quoted, payload=body[8:])


def _dotted(address: int) -> str:
    return str(IPv4Address(address))
