"""An agent at work: starts it, asks it, and hears what it captures. The only place that starts one.

The agent's own manual is its docstring. This side turns its errors into the few that a person can act on.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from kinspect.errors import NotPermitted, VantageLost

AGENT = Path(__file__).with_name("agent.py")
LINE_LIMIT = 256 << 20
"""A reply is one line; the largest is a node's whole ruleset in base64."""


class NamespacePath(NamedTuple):
    """Where a namespace of the kernel can be opened, and the inode that proves that it is still the one."""

    path: str
    inode: int


class Packet(NamedTuple):
    """A captured packet. `outgoing`: it left by this interface. `data` starts at the network header.

    `overheard`: a frame that was addressed to somebody else (a bridge that does not know where to).
    """

    time_ns: int
    interface: int
    outgoing: bool
    overheard: bool
    protocol: int
    length: int
    data: bytes


class _Error(msgspec.Struct):
    code: str
    message: str


class _Line(msgspec.Struct):
    """Any line that an agent writes."""

    id: int | None = None
    result: Any = None
    error: _Error | None = None
    capture: int | None = None
    packets: list[tuple[int, int, int, int, int, bytes]] = []


PACKET_OTHERHOST, PACKET_OUTGOING = 3, 4
_DECODER = msgspec.json.Decoder(_Line)


class Agent:
    """One running agent. Made by `started`; every method may raise NotPermitted or VantageLost."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ids = itertools.count(1)
        self._replies: dict[int, asyncio.Future[_Line]] = {}
        self._sinks: dict[int, Callable[[Packet], None]] = {}
        self._early: dict[int, list[Packet]] = {}

    async def call(self, op: str, **arguments: Any) -> Any:
        """The result of one request. A right that is missing is NotPermitted; other refusals are OSErrors."""
        id_ = next(self._ids)
        reply = self._replies[id_] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode({"id": id_, "op": op, **arguments}) + b"\n")
        try:
            line = await reply
        finally:
            self._replies.pop(id_, None)
        if line.error is not None:
            _raise(op, line.error)
        return line.result

    async def enter(self, namespace: NamespacePath | None) -> int:
        """The agent's number for a network namespace; None = the one that the agent was started in."""
        arguments = {"path": namespace.path, "inode": namespace.inode} if namespace else {}
        net: int = (await self.call("enter", **arguments))["net"]
        return net

    async def read(self, net: int, path: str) -> bytes:
        return base64.b64decode((await self.call("read", net=net, path=path))["data"])

    async def run(self, net: int, *argv: str, deadline_s: float = 5.0) -> bytes:
        """What a tool prints. Raises OSError when there is no such tool, it fails, or its time is up."""
        result = await self.call("run", net=net, argv=argv, deadline_s=deadline_s)
        if result["timed_out"] or result["code"] != 0:
            said = base64.b64decode(result["stderr"]).decode("utf-8", "replace").strip()
            raise OSError(f"{' '.join(argv)}: {'time is up' if result['timed_out'] else said}")
        return base64.b64decode(result["stdout"])

    async def watch(self, net: int, program: list[list[int]], sink: Callable[[Packet], None]) -> int:
        """Starts a capture in that namespace; `sink` gets its packets from now on. The result ends it."""
        number: int = (await self.call("watch", net=net, program=program))["capture"]
        self._sinks[number] = sink
        for packet in self._early.pop(number, ()):
            sink(packet)
        return number

    async def unwatch(self, capture: int) -> int:
        """Ends a capture, after its last packets; the number of packets that were lost."""
        lost: int = (await self.call("unwatch", capture=capture))["lost"]
        self._sinks.pop(capture, None)
        return lost

    async def hear(self) -> None:
        """Reads what the agent writes until it ends, then fails whatever is still asked."""
        assert self._process.stdout is not None
        while data := await self._process.stdout.readline():
            line = _DECODER.decode(data)
            if line.capture is not None:
                self._deliver(line.capture, line.packets)
            elif line.id in self._replies:
                reply = self._replies[line.id]
                if not reply.done():
                    reply.set_result(line)
        lost = _Line(error=_Error("EPIPE", "the agent ended"))
        for reply in self._replies.values():
            if not reply.done():
                reply.set_result(lost)

    def _deliver(self, capture: int, packets: list[tuple[int, int, int, int, int, bytes]]) -> None:
        sink = self._sinks.get(capture, self._early.setdefault(capture, []).append)
        for time_ns, interface, type_, protocol, length, data in packets:
            outgoing, overheard = type_ == PACKET_OUTGOING, type_ == PACKET_OTHERHOST
            sink(Packet(time_ns, interface, outgoing, overheard, protocol, length, data))
        if capture in self._sinks:
            self._early.pop(capture, None)


def _raise(op: str, error: _Error) -> None:
    if error.code in ("EPERM", "EACCES"):
        raise NotPermitted(
            f"may not {op} in that network namespace: {error.message}",
            "Capturing needs CAP_NET_RAW, marking a connection CAP_NET_ADMIN, entering a namespace"
            " CAP_SYS_ADMIN; --sudo raises the agent and nothing else.",
        )
    if error.code == "EPIPE":
        raise VantageLost("The agent ended before it answered.", "Run the command again.")
    if error.code == "EBUG":
        raise RuntimeError(f"agent: {op}: {error.message}")
    raise OSError(f"{op}: {error.message}")


@asynccontextmanager
async def started(user: NamespacePath | None = None, sudo: bool = False) -> AsyncIterator[Agent]:
    """An agent on this machine, ended on leaving. `user`: the user namespace that it enters first."""
    argv = ["sudo", "-n", "--"] if sudo else []
    argv += [sys.executable, "-I", "-S", str(AGENT)]
    if user is not None:
        argv += ["--user-namespace", user.path, str(user.inode)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, limit=LINE_LIMIT)
    agent = Agent(process)
    try:
        async with asyncio.TaskGroup() as tasks:
            hearing = tasks.create_task(agent.hear())
            yield agent
            hearing.cancel()
    except BaseExceptionGroup as group:  # there is one story to tell: the body's, or why hearing ended
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
