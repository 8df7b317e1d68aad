"""Reads of a packet the fixed fields that a hop needs, at line rate. Total: any bytes give a Packet or None.

Looks into VXLAN and into what ICMP errors quote. Everything else about a packet is `dissect`'s business.
Source: RFC 791, RFC 9293 §3.1, RFC 768, RFC 792, RFC 1191 §4, RFC 7348 §5.
"""

from __future__ import annotations

from socket import inet_ntoa  # a pure function, and ten times faster than ipaddress
from struct import Struct
from typing import NamedTuple

from kinspect.trace.bpf import ICMP, ICMP_ERRORS, TCP, UDP, VXLAN_PORTS

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

_IP = Struct("!BxHxxHBBxx4s4s")
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

    `quoted` is the packet that an ICMP error (`icmp`: type and code) complains about; `next_mtu` is the size
    that it would have let pass, if it says that fragmentation is needed.
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
    next_mtu: int = 0


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
    body, header = data[start:end], _Header(inet_ntoa(src), inet_ntoa(dst), protocol, ttl, tunnel)
    if protocol == TCP:
        return _tcp(header, body)
    if protocol == UDP:
        return _udp(header, body, deep)
    if protocol == ICMP:
        return _icmp(header, body, deep)
    return Packet(header.src, header.dst, protocol, 0, 0, ttl, 0, 0, 0, b"", tunnel, None, None)


class _Header(NamedTuple):
    """What every packet has."""

    src: str
    dst: str
    protocol: int
    ttl: int
    tunnel: Tunnel | None


def _tcp(of: _Header, body: bytes) -> Packet | None:
    if len(body) < 8:
        return None
    flags, ack, payload = 0, 0, b""
    if len(body) >= _TCP.size:
        sport, dport, seq, ack, offset, flags = _TCP.unpack_from(body)
        payload = body[(offset >> 4) * 4 :] if offset >> 4 >= 5 else b""
    else:  # all that the shortest ICMP error quotes
        sport, dport = _PORTS.unpack_from(body)
        seq = int.from_bytes(body[4:8], "big")
    return Packet(of.src, of.dst, TCP, sport, dport, of.ttl, flags, seq, ack, payload, of.tunnel, None, None)


def _udp(of: _Header, body: bytes, deep: bool) -> Packet | None:
    if len(body) < 8:
        return None
    sport, dport = _PORTS.unpack_from(body)
    if deep and of.tunnel is None and dport in VXLAN_PORTS and len(body) >= 8 + _VXLAN.size:
        _, identifier, ethernet = _VXLAN.unpack_from(body, 8)
        if ethernet[12:] == IPV4_FRAME:
            inside = read(body[8 + _VXLAN.size :], Tunnel("vxlan", of.src, of.dst, identifier >> 8))
            if inside is not None:
                return inside
    return Packet(of.src, of.dst, UDP, sport, dport, of.ttl, 0, 0, 0, body[8:], of.tunnel, None, None)


def _icmp(of: _Header, body: bytes, deep: bool) -> Packet | None:
    if len(body) < 8:
        return None
    quoted = read(body[8:], of.tunnel, False) if deep and body[0] in ICMP_ERRORS else None
    error = (body[0], body[1])
    mtu = int.from_bytes(body[6:8], "big") if error == (3, 4) else 0
    return Packet(of.src, of.dst, ICMP, 0, 0, of.ttl, 0, 0, 0, body[8:], of.tunnel, error, quoted, mtu)
