"""The kernel's filter for one marked flow: classic BPF, put together by a small assembler.

Theory of operation:

1. The filter sees a packet from its network header on (a cooked capture), whatever the link was.
2. A marked TCP flow is known by its numbers alone, since NAT rewrites addresses and ports: the client's
   sequence numbers lie in [first - BEFORE, first + WINDOW), the server's acknowledgements in
   (first, first + WINDOW]. A stranger's packet passes by chance once in 100,000; whoever reads the capture
   looks again.
3. The same flow inside VXLAN (UDP 8472 or 4789) stands behind UDP (8), VXLAN (8) and Ethernet (14 bytes).
   M[IP] holds the offset of the IPv4 header under test, so that one test serves both.
4. An ICMP error quotes the IP header and at least 8 bytes of what caused it, the sequence number among them:
   M[IP] then points at what is quoted.
5. UDP has no numbers. A marked datagram is known by a token that opens its payload.
6. `Flow`s let more pass: answers to a datagram, or a proxy's second connection, whose numbers nobody knows.

A load beyond the packet's end refuses the packet, so truncated ones need no test. Jumps only go forward.
Source: Linux net/core/filter.c, include/uapi/linux/filter.h; RFC 7348 §5; RFC 792.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import NamedTuple

WINDOW = 16_384
"""How many bytes of a marked connection are recognised; requests and probes are smaller."""

BEFORE = 9_216
"""How many bytes from before its first one, of old data that is sent on purpose; a jumbo frame's."""

VXLAN_PORTS = (8472, 4789)
ICMP, TCP, UDP = 1, 6, 17
ICMP_ERRORS = (3, 4, 5, 11, 12)

# Scratch memory: where the IPv4 header under test begins, and the two ends of its flow.
IP, SRC, DST, SPORT, DPORT = range(5)

LOAD_WORD, LOAD_HALF, LOAD_BYTE, LOAD_MEMORY, LOAD_NUMBER, LOAD_PROTOCOL = 0x40, 0x48, 0x50, 0x60, 0, 0x28
LOAD_X_MEMORY, STORE, TO_X, FROM_X = 0x61, 0x02, 0x07, 0x87
ADD, ADD_X, SUBTRACT, AND, SHIFT_LEFT = 0x04, 0x0C, 0x14, 0x54, 0x64
IF_EQUAL, IF_AT_LEAST, IF_BITS, RETURN = 0x15, 0x35, 0x45, 0x06
SKF_AD_PROTOCOL = 0xFFFFF000
"""A load from here gives the packet's ethertype, which lies before what a cooked capture can load."""

Program = list[list[int]]
"""Rows of [code, jump if true, jump if false, k]."""


class Flow(NamedTuple):
    """One end of a connection, as client or as server."""

    address: str
    port: int


class _Step(NamedTuple):
    """An instruction whose jumps are labels; "" = the next instruction."""

    code: int
    k: int
    true: str
    false: str


class Assembler:
    """Instructions with named places to jump to."""

    def __init__(self) -> None:
        self._steps: list[_Step] = []
        self._labels: dict[str, int] = {}

    def step(self, code: int, k: int = 0, true: str = "", false: str = "") -> None:
        self._steps.append(_Step(code, k & 0xFFFFFFFF, true, false))

    def label(self, name: str) -> None:
        self._labels[name] = len(self._steps)

    def choose(self, cases: Iterable[tuple[int, str]]) -> None:
        """Goes to the label of the value that A equals; to `refuse` when it equals none."""
        *first, last = cases
        for value, label in first:
            self.step(IF_EQUAL, value, label)
        self.step(IF_EQUAL, last[0], last[1], "refuse")

    def assembled(self) -> Program:
        return [
            [step.code, self._distance(at, step.true), self._distance(at, step.false), step.k]
            for at, step in enumerate(self._steps)
        ]

    def _distance(self, at: int, label: str) -> int:
        distance = self._labels[label] - at - 1 if label else 0
        assert 0 <= distance <= 255, f"{label} is {distance} instructions away"
        return distance


def marked_connection(first: int, flows: Iterable[Flow] = ()) -> Program:
    """Keeps the TCP flow whose first sequence number is `first`, errors about it, and the given flows."""
    code = Assembler()
    _find_header(code, {TCP: "flow", UDP: "refuse"})
    code.label("flow")
    _to_transport(code)
    # Its sequence number, then its acknowledgement.
    for offset, start, length in ((4, first - BEFORE, BEFORE + WINDOW), (8, first + 1, WINDOW)):
        code.step(LOAD_WORD, offset)
        code.step(SUBTRACT, start)
        code.step(IF_AT_LEAST, length, "", "keep")
    return _finish(code, flows)


def marked_datagram(token: bytes, flows: Iterable[Flow]) -> Program:
    """Keeps UDP datagrams whose first 4 bytes are the token's, errors about them, and the given flows."""
    code = Assembler()
    _find_header(code, {TCP: "refuse", UDP: "flow"})
    code.label("flow")
    _to_transport(code)
    code.step(LOAD_WORD, 8)
    code.step(IF_EQUAL, int.from_bytes(token[:4], "big"), "keep")
    return _finish(code, flows)


def _find_header(code: Assembler, transports: dict[int, str]) -> None:
    """Finds the IPv4 header under test, through VXLAN and ICMP errors, and goes on by its protocol."""
    code.step(LOAD_NUMBER, 0)  # first of all: the kernel wants M[IP] stored on every way that leads anywhere
    code.step(STORE, IP)
    code.step(TO_X)
    code.step(LOAD_PROTOCOL, SKF_AD_PROTOCOL)
    code.step(IF_EQUAL, 0x0800, "", "refuse")
    code.step(LOAD_BYTE, 9)
    code.choose([(TCP, transports[TCP]), (ICMP, "icmp"), (UDP, "maybe a tunnel")])

    code.label("maybe a tunnel")
    _to_transport(code)
    code.step(LOAD_HALF, 2)
    for port in VXLAN_PORTS:
        code.step(IF_EQUAL, port, "tunnel")
    code.step(IF_AT_LEAST, 0, transports[UDP])
    code.label("tunnel")
    code.step(LOAD_HALF, 28)
    code.step(IF_EQUAL, 0x0800, "", "refuse")
    _move_to(code, 30)
    code.choose([(TCP, transports[TCP]), (UDP, transports[UDP]), (ICMP, "icmp")])

    code.label("icmp")
    _to_transport(code)
    code.step(LOAD_BYTE, 0)
    code.choose([(type_, "quoted") for type_ in ICMP_ERRORS])
    code.label("quoted")
    _move_to(code, 8)
    code.choose([(TCP, transports[TCP]), (UDP, transports[UDP])])


def _move_to(code: Assembler, offset: int) -> None:
    """The header under test is now the one `offset` bytes after X; A becomes its protocol."""
    code.step(FROM_X)
    code.step(ADD, offset)
    code.step(STORE, IP)
    code.step(TO_X)
    code.step(LOAD_BYTE, 9)


def _to_transport(code: Assembler) -> None:
    """X becomes the offset behind the header under test. Later fragments have no ports: they are refused."""
    code.step(LOAD_X_MEMORY, IP)
    code.step(LOAD_HALF, 6)
    code.step(IF_BITS, 0x1FFF, "refuse")
    code.step(LOAD_BYTE, 0)
    code.step(AND, 0x0F)
    code.step(SHIFT_LEFT, 2)
    code.step(ADD_X)
    code.step(TO_X)


def _finish(code: Assembler, flows: Iterable[Flow]) -> Program:
    """What was not kept so far is kept if it belongs to one of the flows. X is behind the IPv4 header."""
    code.step(IF_AT_LEAST, 0, "other flows")
    code.label("keep")
    code.step(RETURN, 0x40000)
    code.label("refuse")
    code.step(RETURN, 0)
    code.label("other flows")
    for load, offset, slot in ((LOAD_HALF, 0, SPORT), (LOAD_HALF, 2, DPORT)):
        code.step(load, offset)
        code.step(STORE, slot)
    code.step(LOAD_X_MEMORY, IP)
    for offset, slot in ((12, SRC), (16, DST)):
        code.step(LOAD_WORD, offset)
        code.step(STORE, slot)
    for n, flow in enumerate(flows):
        address = int(IPv4Address(flow.address))
        for port_slot, address_slot in ((SPORT, SRC), (DPORT, DST)):
            otherwise = f"not {n} {port_slot}"
            code.step(LOAD_MEMORY, address_slot)
            code.step(IF_EQUAL, address, "", otherwise)
            code.step(LOAD_MEMORY, port_slot)
            code.step(IF_EQUAL, flow.port, "", otherwise)
            code.step(RETURN, 0x40000)
            code.label(otherwise)
    code.step(RETURN, 0)
    return code.assembled()
