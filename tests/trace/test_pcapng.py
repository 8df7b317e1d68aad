"""The pcapng file, read back block by block, and by tcpdump where there is one."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from kinspect.trace import pcapng
from kinspect.trace.dissect import syn

PACKET = syn("192.0.2.1", 50_000, "192.0.2.2", 80, 7)
RECORDS = [
    pcapng.Record("node/node1 eth0", False, 2_000_000_001, len(PACKET), PACKET, "hop 2: dnat"),
    pcapng.Record("client eth0", True, 1_000_000_001, len(PACKET), PACKET, ""),
]


def blocks(data: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        assert size % 4 == 0
        assert struct.unpack_from("<I", data, at + size - 4) == (size,)
        found.append((kind, data[at + 8 : at + size - 4]))
        at += size
    return found


def test_one_interface_per_capture_point_and_packets_in_order() -> None:
    found = blocks(pcapng.encode(RECORDS, "a trace"))
    assert [kind for kind, _ in found] == [0x0A0D0D0A, 1, 1, 6, 6]
    assert b"client eth0" in found[1][1]
    assert b"node/node1 eth0" in found[2][1]
    first, second = found[3][1], found[4][1]
    assert struct.unpack_from("<III", first) == (0, 0, 1_000_000_001)
    assert struct.unpack_from("<I", second) == (1,)
    assert PACKET in first
    assert b"hop 2: dnat" in second


@pytest.mark.skipif(shutil.which("tcpdump") is None, reason="tcpdump is not installed")
def test_tcpdump_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "trace.pcapng"
    file.write_bytes(pcapng.encode(RECORDS, "a trace"))
    read = subprocess.run(["tcpdump", "-nr", str(file)], capture_output=True, text=True, check=True)
    assert read.stdout.count("192.0.2.1.50000 > 192.0.2.2.80: Flags [S], seq 7") == 2
