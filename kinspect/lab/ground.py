"""The supervisor's handle on the namespaces: the other end of what `fabric` answers."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple

from kinspect.errors import NotPermitted, VantageLost
from kinspect.lab import programs
from kinspect.lab.fabric import FIRST, LINE_LIMIT
from kinspect.lab.places import ENVIRONMENT_KEY, Place


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    stdout: str
    stderr: str


class Ground:
    """Places on one fabric. Made by `open_ground`."""

    def __init__(self, cluster: str, process: asyncio.subprocess.Process, passing: socket.socket) -> None:
        self.cluster = cluster
        self.places: dict[Place, tuple[int, int]] = {}
        self._process = process
        self._passing = passing
        self._numbers = itertools.count(FIRST)
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    @property
    def watcher(self) -> int:
        """The process outside that everything inside descends from."""
        return self._process.pid

    async def hello(self) -> None:
        """Returns when the namespaces are there. Raises VantageLost when they cannot be."""
        await self._ask("hello")

    async def place(
        self,
        place: Place,
        *,
        environment: Mapping[str, str] | None = None,
        resolver: str | None = None,
        share: Place | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Makes a place. One that shares another's network carries no marker: the network is the other's."""
        marker = {} if share else {ENVIRONMENT_KEY: place.marker(self.cluster)}
        made = await self._ask(
            "place",
            name=str(place),
            hostname=place.name,
            environment={**(environment or {}), **marker},
            resolver=resolver,
            share=str(share) if share else None,
            settings=settings,
        )
        self.places[place] = (made["pid"], made["host_pid"])

    async def end(self, place: Place) -> None:
        """Ends a place; nothing happens when there is none."""
        if self.places.pop(place, None):
            await self._ask("end", name=str(place))

    def inner_pid(self, place: Place) -> int:
        """The holder's number as commands inside see it."""
        return self.places[place][0]

    def host_pid(self, place: Place) -> int:
        """The holder's number as this machine sees it."""
        return self.places[place][1]

    async def run(self, place: Place | None, argv: Sequence[str], stdin: str = "") -> Outcome:
        """Runs a command in a place, or beside the bridge that joins the nodes when `place` is None."""
        return Outcome(**await self._ask("run", name=_name(place), argv=list(argv), stdin=stdin))

    async def must(self, place: Place | None, argv: Sequence[str], stdin: str = "") -> str:
        """As `run`, for a command that has no reason to fail. Raises VantageLost with what it said."""
        outcome = await self.run(place, argv, stdin)
        if outcome.code != 0:
            said = outcome.stderr.strip() or outcome.stdout.strip()
            raise VantageLost(f"{argv[0]} failed in the lab ({place or 'fabric'}): {said}")
        return outcome.stdout

    async def ip(self, place: Place | None, commands: Sequence[str]) -> None:
        """Runs many `ip` commands at the price of one."""
        if commands:
            await self.must(place, ["ip", "-batch", "-"], "\n".join(commands) + "\n")

    async def start(self, place: Place, argv: Sequence[str], environment: Mapping[str, str]) -> int:
        """Starts a command that stays; answers a number for `signal`."""
        return int(await self._ask("start", name=str(place), argv=list(argv), environment=environment))

    async def signal(self, pid: int, sent: int) -> None:
        """Signals a command that `start` started. Raises VantageLost when it has ended."""
        await self._ask("signal", pid=pid, sent=sent)

    async def write(self, path: str, text: str) -> str:
        """Writes a private file; answers its path as the places see it."""
        return str(await self._ask("write", path=path, text=text))

    async def trust(self, certificate: str, key: str) -> None:
        """What the echo servers' TLS ports answer with."""
        await self._ask("trust", certificate=certificate, key=key)

    async def echo(self, place: Place, about: Sequence[Any], ports: Sequence[Mapping[str, Any]]) -> None:
        """(Re)starts the echo server of a place."""
        await self._ask("echo", name=str(place), about=list(about), ports=list(ports))

    async def sockets(self, place: Place, ports: Sequence[tuple[str, str, int]]) -> list[socket.socket]:
        """Bound sockets (protocol, address, port) that live in a place's network and are served from here."""
        number = await self._ask("sockets", numbered=True, name=str(place), ports=ports)
        message, descriptors, _, _ = socket.recv_fds(self._passing, 64, len(ports))
        assert message == str(number).encode(), "sockets are answered in the order they are passed"
        return [socket.socket(fileno=descriptor) for descriptor in descriptors]

    async def _ask(self, do: str, *, numbered: bool = False, **request: Any) -> Any:
        number = next(self._numbers)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"number": number, "do": do, **request}).encode() + b"\n")
        await self._process.stdin.drain()
        result = await answer
        return number if numbered else result

    async def answers(self) -> None:
        """Reads answers. Raises VantageLost when the fabric ends, as all do who still wait for one."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            told = json.loads(line)
            waiting = self._waiting.pop(told["number"])
            if waiting.done():
                continue
            if "error" in told:
                waiting.set_exception(VantageLost(told["error"]))
            else:
                waiting.set_result(told["result"])
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(VantageLost("the lab's namespaces are gone"))
        raise VantageLost("the lab's namespaces are gone", "somebody ended one of its processes")


@contextlib.asynccontextmanager
async def open_ground(cluster: str) -> AsyncIterator[Ground]:
    """Namespaces that live as long as the context, and never longer than this process.

    Raises NotPermitted when this machine does not allow them.
    """
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    here.setblocking(False)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "kinspect.lab.fabric", str(there.fileno())),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        pass_fds=[there.fileno()],
        start_new_session=True,
        env={**os.environ, "PATH": programs.search_path()},
        limit=LINE_LIMIT,
    )
    there.close()
    ground = Ground(cluster, process, here)
    try:
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(ground.answers())
            try:
                await ground.hello()
            except VantageLost as error:
                raise NotPermitted(
                    f"this machine does not let kinspect make namespaces ({error.message})",
                    "allow unprivileged user namespaces, or run as root",
                ) from error
            yield ground
            reading.cancel()
    finally:
        here.close()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _name(place: Place | None) -> str | None:
    return None if place is None else str(place)
