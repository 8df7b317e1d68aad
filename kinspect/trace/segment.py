"""Builds the one packet that nearly every trace sends beside its connection. All others Scapy builds.

That one takes a quarter of a second to import, which is more than the rest of a trace.
Source: RFC 791 §3.1, RFC 9293 §3.1, RFC 1071.
"""

from __future__ import annotations

from socket import inet_aton
from struct import Struct

from kinspect.trace.bpf import TCP
from kinspect.trace.packet import ACK

OLD_DATA = b"old data of kinspect, to be thrown away\n"
TTL, WINDOW = 64, 502
NOT_TO_BE_FRAGMENTED = 0x4000

_IP = Struct("!BBHHHBBH4s4s")
_TCP = Struct("!HHIIBBHHH")
_PSEUDO = Struct("!4s4sBBH")


def segment(
    src: str, sport: int, dst: str, dport: int, sequence: int, acknowledged: int, length: int
) -> bytes:
    """An IPv4 packet that is not to be fragmented, with a TCP segment of so many bytes of old data."""
    data = (OLD_DATA * (length // len(OLD_DATA) + 1))[:length]
    ends = inet_aton(src), inet_aton(dst)
    size = _TCP.size + length

    def tcp(checksum: int) -> bytes:
        words = _TCP.size // 4 << 4
        return _TCP.pack(sport, dport, sequence, acknowledged, words, ACK, WINDOW, checksum, 0)

    def ip(checksum: int) -> bytes:
        total = _IP.size + size
        return _IP.pack(0x45, 0, total, 0, NOT_TO_BE_FRAGMENTED, TTL, TCP, checksum, *ends)

    pseudo = _PSEUDO.pack(*ends, 0, TCP, size)
    return ip(_checksum(ip(0))) + tcp(_checksum(pseudo + tcp(0) + data)) + data


def _checksum(data: bytes) -> int:
    """The Internet checksum: the complement of the sum of all words, whose carries come in again."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(Struct(f"!{len(padded) // 2}H").unpack(padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
