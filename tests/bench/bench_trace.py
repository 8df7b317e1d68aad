"""The trace: no marked packet is lost beside other traffic, and how long an answer takes in the lab.

In a network namespace of its own, a flood of UDP datagrams over loopback runs beside marked SYNs. The agent
captures with the kernel's filter and the mapped ring, as a trace does; every marked packet must be seen.
"""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import sys
import time
from pathlib import Path

from kinspect.trace import bpf
from kinspect.trace.dissect import syn
from kinspect.trace.packet import read
from kinspect.vantage.connection import NamespacePath, Packet, started
from tests.asks.running_lab import RunningLab, running
from tests.bench.report import Row, Section, above, below

FLOOD = """
import ctypes, socket, sys, time

class Message(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("name_length", ctypes.c_uint32), ("pieces", ctypes.c_void_p),
                ("piece_count", ctypes.c_size_t), ("control", ctypes.c_void_p),
                ("control_length", ctypes.c_size_t), ("flags", ctypes.c_int), ("sent", ctypes.c_uint)]

BATCH = 1024
data = ctypes.create_string_buffer(18)
piece = (ctypes.c_void_p * 2)(ctypes.addressof(data), 18)
messages = (Message * BATCH)()
for each in messages:
    each.pieces, each.piece_count = ctypes.addressof(piece), 1
libc = ctypes.CDLL(None, use_errno=True)
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 9))
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.connect(("127.0.0.1", 9))
print("ready", flush=True)
sys.stdin.readline()
until, sent = time.monotonic() + float(sys.argv[1]), 0
while time.monotonic() < until:
    sent += max(0, libc.sendmmsg(client.fileno(), messages, BATCH, 0))
print(sent, flush=True)
sys.stdin.readline()
"""
SECONDS = 3.0
READS = 100_000
TRACES = 7
MARK = 0x6B000000
MARKED_EVERY_S = 0.01


def measure() -> dict[str, float]:
    """Packets a second that passed by the capture, and marked ones sent, seen and lost."""
    hold = ["unshare", "-U", "-r", "-n", "--kill-child", "sh", "-c"]
    script = f'ip link set lo up && exec {sys.executable} -c "$FLOOD" {SECONDS}'
    pipe = subprocess.PIPE
    flood = subprocess.Popen(
        [*hold, script], stdin=pipe, stdout=pipe, text=True, env={**os.environ, "FLOOD": FLOOD}
    )
    assert flood.stdin is not None
    assert flood.stdout is not None
    try:
        assert flood.stdout.readline() == "ready\n"
        inner = int(Path(f"/proc/{flood.pid}/task/{flood.pid}/children").read_text().split()[0])
        return asyncio.run(_beside(inner, flood))
    finally:
        flood.kill()
        flood.wait()
        flood.stdin.close()
        flood.stdout.close()


async def _beside(pid: int, flood: subprocess.Popen[str]) -> dict[str, float]:
    def namespace(kind: str) -> NamespacePath:
        path = f"/proc/{pid}/ns/{kind}"
        return NamespacePath(path, Path(path).stat().st_ino)

    seen: list[Packet] = []
    sent = 0
    assert flood.stdin is not None
    async with started(namespace("user")) as agent:
        net = await agent.enter(namespace("net"))
        capture = await agent.watch(net, bpf.marked_connection(MARK), seen.append)
        flood.stdin.write("go\n")
        flood.stdin.flush()
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            packet = syn("127.0.0.1", 50_000, "127.0.0.1", 9, MARK)
            await agent.call("send_packet", net=net, data=base64.b64encode(packet).decode())
            sent += 1
            await asyncio.sleep(MARKED_EVERY_S)
        lost = await agent.unwatch(capture)
    assert flood.stdout is not None
    datagrams = int(flood.stdout.readline())
    syns = sum(1 for each in seen if (packet := read(each.data)) and packet.flags == 2 and packet.seq == MARK)
    # Over loopback every packet passes the capture twice: on its way out and on its way in.
    return {
        "datagrams_per_s": datagrams / SECONDS,
        "taps_per_s": 2 * datagrams / SECONDS,
        "marked_sent": sent,
        "marked_seen": syns / 2,
        "lost": lost,
    }


def run() -> Section:
    flood = measure()
    packet = syn("192.0.2.1", 50_000, "192.0.2.2", 80, MARK)
    began = time.perf_counter()
    for _ in range(READS):
        read(packet)
    reads_per_s = READS / (time.perf_counter() - began)
    with running("vxlan", "iptables") as lab:
        node_port = _seconds(lab, "node/node1:30081", "client", "delivered")
        silent = _seconds(lab, "node/node1:30082", "client", "dropped")
    return Section(
        "trace",
        "The trace",
        (
            above("other packets a second past the capture", flood["taps_per_s"], "/s", 300_000),
            Row(
                "marked packets sent and seen beside them",
                f"{flood['marked_sent']:.0f}, {flood['marked_seen']:.0f}",
            ),
            below("of them lost", flood["marked_sent"] - flood["marked_seen"], "packets", 0),
            Row("packets read a second, one core", f"{reads_per_s:,.0f}"),
            below(f"a delivered request across nodes answers, median of {TRACES}", node_port, "s", 1),
            below(f"a dropped one says so, median of {TRACES}", silent, "s", 3),
        ),
        (
            "The flood is as fast as one core sends beside all else that runs; the loss is the capture's.",
            "An answer counts from a snapshot that is there; places, captures, rules and causes are in it.",
        ),
    )


def _seconds(lab: RunningLab, target: str, vantage: str, verdict: str) -> float:
    """The median time of a trace, whose verdict is as it should be."""
    assert lab.snapshot
    spent = []
    for _ in range(TRACES):
        began = time.perf_counter()
        assert lab.trace(target, vantage).trace.verdict == verdict
        spent.append(time.perf_counter() - began)
    return sorted(spent)[TRACES // 2]
