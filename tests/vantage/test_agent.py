"""The agent against real namespaces: sockets, captures, files, tools, and that it leaves nothing behind."""

from __future__ import annotations

import ast
import asyncio
import base64
import functools
import gc
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from kinspect.errors import NotPermitted, VantageLost
from kinspect.vantage.agent import net_namespace
from kinspect.vantage.connection import AGENT, NamespacePath, Packet, started

pytestmark = pytest.mark.lab

POD, VIP, NODE_OUTSIDE = "10.9.2.9", "10.9.9.9", "10.9.1.1"


def run_async(test: Callable[[Any], Coroutine[None, None, None]]) -> Callable[[Any], None]:
    @functools.wraps(test)
    def run(ground: Any) -> None:
        asyncio.run(test(ground))

    return run


EVERYTHING = [[0x06, 0, 0, 0x40000]]
"""The filter that keeps every packet."""


@run_async
async def test_a_marked_connection_is_seen_everywhere_with_its_first_sequence_number(ground: Any) -> None:
    seen: dict[str, list[Packet]] = {name: [] for name in ("client", "node", "pod")}
    async with started(ground.user) as agent:
        nets = {name: await agent.enter(ground.net(name)) for name in seen}
        captures = [await agent.watch(nets[name], EVERYTHING, seen[name].append) for name in seen]
        made = await agent.call(
            "connect", net=nets["client"], remote=[VIP, 80], deadline_s=2.0, sequence=0x12345678
        )
        assert made["error"] is None
        await agent.call("send", handle=made["socket"], data=base64.b64encode(b"hello").decode())
        got = await agent.call("receive", handle=made["socket"], deadline_s=2.0)
        await agent.call("close", handle=made["socket"])
        lost = [await agent.unwatch(capture) for capture in captures]
    assert base64.b64decode(got["data"]).endswith(b" hello")
    assert lost == [0, 0, 0]
    mark = (0x12345678).to_bytes(4, "big")
    syns = {
        name: [p for p in packets if p.data[9:10] == b"\x06" and p.data[24:28] == mark and p.data[33] == 2]
        for name, packets in seen.items()
    }
    assert [[p.outgoing for p in syns[name]] for name in seen] == [[True], [False, True, True], [False]]
    times = [p.time_ns for name in seen for p in syns[name]]
    assert times == sorted(times)


@run_async
async def test_a_namespace_whose_first_process_has_ended_is_found_and_entered_by_another(ground: Any) -> None:
    pod, other = ground.net("pod"), ground.net("client")
    ended = await asyncio.create_subprocess_exec("true")
    await ended.wait()
    gone = NamespacePath(f"/proc/{ended.pid}/ns/net", pod.inode)
    another = NamespacePath(other.path, pod.inode)
    alive = int(pod.path.split("/")[2])
    _, _, _, _, addresses = net_namespace(pod.inode, [ended.pid, alive], "", "KINSPECT_PLACE")
    assert addresses == [POD]
    async with started(ground.user) as agent:
        await agent.enter_any([gone, another, pod])
        with pytest.raises(OSError, match="is another one now"):
            await agent.enter_any([gone, another])


@run_async
async def test_what_the_network_answers_is_a_result(ground: Any) -> None:
    async with started(ground.user) as agent:
        net = await agent.enter(ground.net("client"))
        refused = await agent.call("connect", net=net, remote=[NODE_OUTSIDE, 9], deadline_s=2.0)
        silent = await agent.call("connect", net=net, remote=["10.9.1.77", 9], deadline_s=0.2)
        udp = await agent.call("connect", net=net, remote=[VIP, 80], kind="udp", deadline_s=1.0)
        await agent.call("send", handle=udp["socket"], data=base64.b64encode(b"ping").decode())
        answer = await agent.call("receive", handle=udp["socket"], deadline_s=1.0)
        nothing = await agent.call("receive", handle=udp["socket"], deadline_s=0.1)
    assert refused["error"] == "ECONNREFUSED"
    assert silent["error"] == "ETIMEDOUT"
    assert base64.b64decode(answer["data"]) == b"ping"
    assert nothing["error"] == "ETIMEDOUT"


@run_async
async def test_files_and_tools_are_those_of_the_namespace(ground: Any) -> None:
    async with started(ground.user) as agent:
        node, client = await agent.enter(ground.net("node")), await agent.enter(ground.net("client"))
        assert await agent.read(node, "/proc/sys/net/ipv4/ip_forward") == b"1\n"
        assert await agent.read(client, "/proc/sys/net/ipv4/ip_forward") == b"0\n"
        assert b"br0" in await agent.run(node, "ip", "-o", "link")
        assert b"br0" not in await agent.run(client, "ip", "-o", "link")
        with pytest.raises(OSError, match="time is up"):
            await agent.run(node, "sleep", "30", deadline_s=0.1)
        for elsewhere in ("/proc/../etc/passwd", "/proc/self/root/etc/passwd", "/etc/passwd"):
            with pytest.raises(NotPermitted):
                await agent.read(node, elsewhere)
        with pytest.raises(OSError, match="no-such-tool"):
            await agent.run(node, "no-such-tool")


@run_async
async def test_a_namespace_that_is_another_one_now_is_not_entered(ground: Any) -> None:
    async with started(ground.user) as agent:
        with pytest.raises(OSError, match="another one now"):
            await agent.enter(NamespacePath(ground.net("node").path, 1))


STORM = 20_000
SENDER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in range(int(sys.argv[1])):
    s.sendto(b"storm", ("10.9.1.1", 9))
"""


@run_async
async def test_a_storm_that_passes_the_filter_is_kept_or_counted_and_stalls_nothing(ground: Any) -> None:
    seen: list[Packet] = []
    udp_to_9 = [
        [0x30, 0, 0, 9],
        [0x15, 0, 3, 17],
        [0x28, 0, 0, 22],
        [0x15, 0, 1, 9],
        [6, 0, 0, 0x40000],
        [6, 0, 0, 0],
    ]
    async with started(ground.user) as agent:
        node, client = await agent.enter(ground.net("node")), await agent.enter(ground.net("client"))
        capture = await agent.watch(node, udp_to_9, seen.append)
        async with asyncio.TaskGroup() as tasks:
            sender = tasks.create_task(
                agent.run(client, sys.executable, "-c", SENDER, str(STORM), deadline_s=30)
            )
            answers = 0
            while not sender.done():
                await agent.read(node, "/proc/sys/net/ipv4/ip_forward")
                answers += 1
        lost = await agent.unwatch(capture)
    assert answers
    assert len(seen) + lost == STORM


def test_it_dies_with_its_parent_even_by_kill_9(ground: Any) -> None:
    code = (
        "import subprocess, sys, time\n"
        f"p = subprocess.Popen([sys.executable, '-I', {str(AGENT)!r}], stdin=subprocess.PIPE)\n"
        "print(p.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    agent = int(parent.stdout.readline())
    assert Path(f"/proc/{agent}").exists()
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    _ends(agent)


def _ends(pid: int) -> None:
    deadline = time.monotonic() + 5
    while _alive(pid):
        assert time.monotonic() < deadline, "it outlives its parent"
        time.sleep(0.01)


def _children(pid: int) -> list[int]:
    """The processes that any thread of this one has started."""
    found = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(each) for text in found for each in text.split()]


def _alive(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text().split(")")[1][:3]
    except OSError:
        return False


def test_an_agent_that_is_gone_is_a_lost_vantage() -> None:
    tools: list[int] = []

    async def lose() -> None:
        async with started() as agent, asyncio.TaskGroup() as tasks:
            net = await agent.enter(None)
            tasks.create_task(agent.run(net, "sleep", "20", deadline_s=20))
            for _ in range(500):
                tools.extend(_children(agent._process.pid))
                if tools:
                    break
                await asyncio.sleep(0.01)
            os.kill(agent._process.pid, signal.SIGKILL)

    with pytest.raises(VantageLost):
        asyncio.run(lose())
    _ends(tools[0])


def test_what_is_asked_is_logged_and_what_is_sent_is_not(caplog: pytest.LogCaptureFixture) -> None:
    async def ask() -> None:
        async with started() as agent:
            net = await agent.enter(None)
            with pytest.raises(NotPermitted):
                await agent.read(net, "/etc/passwd")
            with pytest.raises(RuntimeError):
                await agent.call("send", handle=0, data="c2VjcmV0")

    with caplog.at_level(logging.DEBUG, "kinspect.vantage"):
        asyncio.run(ask())
    assert str(AGENT) in caplog.text
    assert "read {'net': 1, 'path': '/etc/passwd'}: EACCES: " in caplog.text
    assert "send {'handle': 0}: EBUG" in caplog.text
    assert "c2VjcmV0" not in caplog.text


def test_an_agent_that_cannot_begin_says_why_and_nothing_else_does() -> None:
    """What it did not read any more is no error of its own."""
    complaints: list[object] = []

    async def begin() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told))
        try:
            async with started(NamespacePath("/proc/self/ns/user", 1)) as agent:
                await agent.call("send", handle=0, data="x" * 4_000_000)
        finally:
            gc.collect()

    with pytest.raises(VantageLost, match="another one now"):
        asyncio.run(begin())
    gc.collect()
    assert complaints == []


def test_it_speaks_python_3_8() -> None:
    ast.parse(AGENT.read_text(), feature_version=(3, 8))
