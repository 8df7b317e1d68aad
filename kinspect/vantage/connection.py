"""An agent at work: starts it, asks it, and hears what it captures. The only place that starts one.

The agent's own manual is its docstring. This side turns its errors into the few that a person can act on.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import msgspec

from kinspect.errors import NotPermitted, VantageLost

_LOG = logging.getLogger(__name__)

AGENT = Path(__file__).with_name("agent.py")
PAYLOADS = ("data", "program")
"""Arguments that are not logged: packets and requests may hold what is nobody's business."""

LAST_WORDS = 4096
"""How much is kept of what an agent, or sudo before it, writes to stderr."""

SILENCE = "it said nothing"
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

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class _Line(msgspec.Struct):
    """Any line that an agent writes."""

    id: int | None = None
    result: Any = None
    error: _Error | None = None
    capture: int | None = None
    packets: list[tuple[int, int, int, int, int, bytes]] = []


PACKET_OTHERHOST, PACKET_OUTGOING = 3, 4
_ENDED = _Line()
"""Stands for every reply that will not come."""

_DECODER = msgspec.json.Decoder(_Line)


class Agent:
    """One running agent. Made by `started`; every method may raise NotPermitted or VantageLost.

    `raised`: sudo runs it, and refuses by ending before the agent has said anything.
    """

    def __init__(self, process: asyncio.subprocess.Process, raised: bool) -> None:
        self._process = process
        self._refuses = raised
        self._ended = ""
        self._ids = itertools.count(1)
        self._replies: dict[int, asyncio.Future[_Line]] = {}
        self._sinks: dict[int, Callable[[Packet], None]] = {}
        self._early: dict[int, list[Packet]] = {}

    async def call(self, op: str, **arguments: Any) -> Any:
        """The result of one request. A right that is missing is NotPermitted; other refusals are OSErrors."""
        if self._ended:
            self._raise_ended()
        id_ = next(self._ids)
        reply = self._replies[id_] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode({"id": id_, "op": op, **arguments}) + b"\n")
        try:
            line = await reply
        finally:
            self._replies.pop(id_, None)
        told = {name: value for name, value in arguments.items() if name not in PAYLOADS}
        _LOG.debug("agent %d: %s %s: %s", self._process.pid, op, told, line.error or "done")
        if line is _ENDED:
            self._raise_ended()
        if line.error is not None:
            _raise(op, line.error)
        return line.result

    def _raise_ended(self) -> NoReturn:
        if self._refuses and self._ended != SILENCE:
            raise NotPermitted(f"sudo does not run the agent: {self._ended}", SUDO_HINT)
        raise VantageLost(f"The agent ended before it answered: {self._ended}", "Run the command again.")

    async def enter(self, namespace: NamespacePath | None) -> int:
        """The agent's number for a network namespace; None = the one that the agent was started in."""
        arguments = {"path": namespace.path, "inode": namespace.inode} if namespace else {}
        net: int = (await self.call("enter", **arguments))["net"]
        return net

    async def enter_any(self, paths: Sequence[NamespacePath]) -> int:
        """As `enter`, by the first of the paths of one namespace that still leads to it."""
        for each in paths[:-1]:
            with suppress(OSError):
                return await self.enter(each)
        return await self.enter(paths[-1])

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
            self._refuses = False
            if line.capture is not None:
                self._deliver(line.capture, line.packets)
            elif line.id in self._replies:
                reply = self._replies[line.id]
                if not reply.done():
                    reply.set_result(line)
        self._ended = await self._last_words() or SILENCE
        for reply in self._replies.values():
            if not reply.done():
                reply.set_result(_ENDED)

    async def _last_words(self) -> str:
        """The last line of stderr: a refusal of sudo, an error of the agent."""
        assert self._process.stderr is not None
        kept = b""
        while data := await self._process.stderr.read(LAST_WORDS):
            kept = (kept + data)[-LAST_WORDS:]
        lines = kept.decode("utf-8", "replace").strip().splitlines()
        for line in lines:
            _LOG.info("an agent, or sudo: %s", line)
        return lines[-1] if lines else ""

    def _deliver(self, capture: int, packets: list[tuple[int, int, int, int, int, bytes]]) -> None:
        sink = self._sinks.get(capture, self._early.setdefault(capture, []).append)
        for time_ns, interface, type_, protocol, length, data in packets:
            outgoing, overheard = type_ == PACKET_OUTGOING, type_ == PACKET_OTHERHOST
            sink(Packet(time_ns, interface, outgoing, overheard, protocol, length, data))
        if capture in self._sinks:
            self._early.pop(capture, None)


WITHOUT_RIGHTS = "Without rights: --expect-only predicts; --from here tells whether a connection comes about."

SUDO_HINT = (
    "`sudo -v` in this terminal lets sudo remember the password; or sudoers has to allow it without one.\n"
    + WITHOUT_RIGHTS
)

_NEEDS = {
    "enter": "entering a network namespace needs CAP_SYS_ADMIN in it",
    "watch": "capturing needs CAP_NET_RAW",
    "send_packet": "sending a packet of our own needs CAP_NET_RAW",
    "connect": "marking a connection needs CAP_NET_ADMIN",
}


def _raise(op: str, error: _Error) -> NoReturn:
    if error.code in ("EPERM", "EACCES"):
        raise NotPermitted(_NEEDS.get(op, f"{op}: {error.message}"), "--sudo raises the agent, nothing else.")
    if error.code == "EBUG":
        raise RuntimeError(f"agent: {op}: {error.message}")
    raise OSError(f"{op}: {error.message}")


@asynccontextmanager
async def started(user: NamespacePath | None = None, sudo: bool = False) -> AsyncIterator[Agent]:
    """An agent on this machine, ended on leaving. `user`: the user namespace that it enters first.

    `sudo`: it runs as root, unless this is root already. Raises NotPermitted where there is no sudo.
    """
    raised = sudo and os.geteuid() != 0
    argv = ["sudo", "-n", "--"] if raised else []
    argv += [sys.executable, "-I", "-S", str(AGENT)]
    if user is not None:
        argv += ["--user-namespace", user.path, str(user.inode)]
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=pipe, stdout=pipe, stderr=pipe, limit=LINE_LIMIT
        )
    except FileNotFoundError:
        raise NotPermitted(f"there is no {argv[0]} here", "Run the whole command as root.") from None
    agent = Agent(process, raised)
    _LOG.info("agent %d: %s", process.pid, " ".join(argv))
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
        with suppress(OSError):  # what it had not read before it ended
            await process.stdin.wait_closed()
