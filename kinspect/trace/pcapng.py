"""Captured packets as a pcapng file: one interface per capture point, the hops as comments.

Source: draft-ietf-opsawg-pcapng (section header, interface description, enhanced packet blocks), and
draft-ietf-opsawg-pcaplinktype: 228 = packets that begin with their IPv4 header.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct, pack
from typing import NamedTuple

LINKTYPE_IPV4 = 228
_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_COMMENT, _NAME, _TIME_RESOLUTION, _FLAGS = 1, 2, 9, 2
_NANOSECONDS = b"\x09"
_INBOUND, _OUTBOUND = 1, 2
_FIXED = Struct("<IIIII")


class Record(NamedTuple):
    """A packet at a capture point. `length` is that on the wire, of which `data` may be the beginning."""

    point: str
    outgoing: bool
    time_ns: int
    length: int
    data: bytes
    comment: str


def encode(records: Iterable[Record], comment: str) -> bytes:
    """The file. Packets are in the order of time, capture points in the order of their first packet."""
    ordered = sorted(records, key=lambda each: each.time_ns)
    points = {point: number for number, point in enumerate(dict.fromkeys(each.point for each in ordered))}
    header = pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + _options((_COMMENT, comment.encode()))
    blocks = [_block(_SECTION, header)]
    for point in points:
        options = _options((_NAME, point.encode()), (_TIME_RESOLUTION, _NANOSECONDS))
        blocks.append(_block(_INTERFACE, pack("<HHI", LINKTYPE_IPV4, 0, 0) + options))
    blocks += [_packet(each, points[each.point]) for each in ordered]
    return b"".join(blocks)


def _packet(record: Record, number: int) -> bytes:
    high, low = divmod(record.time_ns, 1 << 32)
    length = max(record.length, len(record.data))
    fixed = _FIXED.pack(number, high, low, len(record.data), length)
    flags = pack("<I", _OUTBOUND if record.outgoing else _INBOUND)
    options = [(_FLAGS, flags)]
    if record.comment:
        options.append((_COMMENT, record.comment.encode()))
    return _block(_PACKET, fixed + _padded(record.data) + _options(*options))


def _block(kind: int, body: bytes) -> bytes:
    size = pack("<I", len(body) + 12)
    return pack("<I", kind) + size + body + size


def _options(*options: tuple[int, bytes]) -> bytes:
    encoded = b"".join(pack("<HH", code, len(value)) + _padded(value) for code, value in options)
    return encoded + pack("<HH", 0, 0)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
