"""The fixed-field reader and the kernel's filter, over recorded packets and hostile ones."""

from __future__ import annotations

import ctypes
import socket
import struct
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinspect.trace import bpf
from kinspect.trace.dissect import datagram, dissected, syn
from kinspect.trace.packet import ACK, RST, SYN, Packet, Tunnel, read
from tests.trace.bpf_machine import run
from tests.trace.recordings import RECORDED, frames

MARK = 0x6B696E73
SO_ATTACH_FILTER = 26


def recorded(story: str, point: str) -> list[bytes]:
    return [data for _, data in frames(RECORDED / story / f"{point}.pcap")]


def test_a_syn_that_scapy_built_is_read_back() -> None:
    packet = read(syn("192.0.2.1", 50_000, "192.0.2.2", 80, MARK, ttl=9))
    assert packet == Packet("192.0.2.1", "192.0.2.2", 6, 50_000, 80, 9, SYN, MARK, 0, b"", None, None, None)


def test_the_inner_packet_of_vxlan_is_read() -> None:
    first = read(recorded("nodeport-cross-node", "node2-eth0")[0])
    assert first is not None
    assert first.tunnel == Tunnel("vxlan", "192.0.2.11", "192.0.2.12", 1)
    assert (first.src, first.dst, first.dport, first.flags) == ("10.244.0.0", "10.244.1.3", 8080, SYN)


def test_an_icmp_error_quotes_the_packet_that_it_is_about() -> None:
    request, answer = (read(data) for data in recorded("nodeport-no-endpoints", "client-eth0")[:2])
    assert request is not None
    assert answer is not None
    assert answer.icmp == (3, 3)
    assert answer.quoted is not None
    assert (answer.quoted.seq, answer.quoted.dport) == (request.seq, 30090)


@pytest.mark.parametrize("story", sorted(path.name for path in RECORDED.iterdir() if path.is_dir()))
def test_the_filter_keeps_what_the_reader_calls_marked_in_every_recorded_packet(story: str) -> None:
    data = [data for path in sorted((RECORDED / story).glob("*.pcap")) for _, data in frames(path)]
    packets = [packet for each in data if (packet := read(each))]
    firsts = {packet.seq for packet in packets if packet.flags & (SYN | ACK) == SYN}
    for first in firsts:
        program = bpf.marked_connection(first)
        for each in data:
            packet = read(each)
            assert bool(run(program, each)) == (packet is not None and _belongs(packet, first))


def _belongs(packet: Packet, first: int) -> bool:
    about = packet.quoted or packet
    return about.protocol == 6 and (
        (about.seq - first + bpf.BEFORE) % 2**32 < bpf.BEFORE + bpf.WINDOW
        or (about.ack - first - 1) % 2**32 < bpf.WINDOW
    )


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux is the judge")
@pytest.mark.parametrize("flows", [0, 1, 300])
def test_the_kernel_takes_the_filter(flows: int) -> None:
    """It checks every program, on any socket: jumps, and that memory is stored before it is loaded."""
    many = [bpf.Flow("192.0.2.1", number) for number in range(1, flows + 1)]
    for program in (bpf.marked_connection(MARK, many), bpf.marked_datagram(b"token", many)):
        code = b"".join(struct.pack("=HBBI", *row) for row in program)
        buffer = ctypes.create_string_buffer(code, len(code))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fprog = struct.pack("HP", len(program), ctypes.addressof(buffer))
            any_socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)


def test_the_filter_keeps_the_flow_and_no_other() -> None:
    program = bpf.marked_connection(MARK)
    assert run(program, syn("192.0.2.1", 1, "192.0.2.2", 2, MARK))
    assert run(program, syn("192.0.2.1", 1, "192.0.2.2", 2, MARK - bpf.BEFORE))
    assert not run(program, syn("192.0.2.1", 1, "192.0.2.2", 2, MARK - bpf.BEFORE - 1))
    assert not run(program, syn("192.0.2.1", 1, "192.0.2.2", 2, MARK), ethertype=0x86DD)
    assert not run(program, datagram("192.0.2.1", 1, "192.0.2.2", 2, b"x" * 40))


def test_the_filter_keeps_given_flows_in_both_directions() -> None:
    program = bpf.marked_connection(MARK, [bpf.Flow("192.0.2.7", 8080), bpf.Flow("192.0.2.8", 80)])
    assert run(program, syn("192.0.2.1", 5, "192.0.2.8", 80, 1))
    assert run(program, syn("192.0.2.8", 80, "192.0.2.1", 5, 1))
    assert not run(program, syn("192.0.2.1", 5, "192.0.2.8", 8080, 1))
    assert not run(program, syn("192.0.2.1", 80, "192.0.2.8", 5, 1))


def test_a_marked_datagram_is_known_by_its_token_and_its_answer_by_its_flow() -> None:
    program = bpf.marked_datagram(b"kn:token", [bpf.Flow("192.0.2.9", 53)])
    assert run(program, datagram("192.0.2.1", 5, "192.0.2.2", 53, b"kn:token and more"))
    assert run(program, datagram("192.0.2.9", 53, "192.0.2.1", 5, b"whatever"))
    assert not run(program, datagram("192.0.2.1", 5, "192.0.2.2", 53, b"another"))
    assert not run(program, syn("192.0.2.1", 5, "192.0.2.9", 53, 1))


def test_a_refusal_is_read_with_its_acknowledgement() -> None:
    request, answer = (read(data) for data in recorded("broken-svc-chain-flushed", "client-eth0"))
    assert request is not None
    assert answer is not None
    assert answer.flags & RST
    assert answer.ack == request.seq + 1


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_a_crash(data: bytes) -> None:
    read(data)
    assert run(bpf.marked_connection(MARK), data) in (0, 0x40000)


REAL = recorded("nodeport-cross-node", "node1-eth0") + recorded("nodeport-no-endpoints", "client-eth0")


@given(st.sampled_from(REAL), st.integers(0, 200), st.integers(0, 255), st.integers(20, 1500))
def test_damaged_packets_are_read_without_a_crash(data: bytes, at: int, value: int, kept: int) -> None:
    damaged = bytearray(data)
    damaged[at % len(damaged)] = value
    read(bytes(damaged[:kept]))
    run(bpf.marked_connection(MARK), bytes(damaged[:kept]))


def test_scapy_dissects_and_survives_nonsense() -> None:
    lines = dissected(recorded("nodeport-cross-node", "node2-eth0")[0])
    assert any("VXLAN" in line for line in lines)
    assert dissected(b"\x45")
