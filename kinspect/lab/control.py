"""How a command finds the labs that run and talks to them.

Each supervisor listens on an abstract Unix socket that is named after its user and its process. Such a name
is no file: it goes with the process, however that ends. Only the same user (and root) is answered.
One request is one line of JSON, and so is its answer: {"result": …} or {"error", "hint"}.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from kinspect.errors import KinspectError, UsageError, VantageLost

Handler = Callable[[dict[str, Any]], Awaitable[Any]]

_PREFIX = "kinspect-lab"
TIMEOUT_S = 30.0


def _address(pid: int) -> str:
    return f"\0{_PREFIX}-{os.getuid()}-{pid}"


async def serve(handler: Handler) -> asyncio.Server:
    """Answers this process's commands until the server is closed."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if _user_of(writer.get_extra_info("socket")) in (os.getuid(), 0):
                writer.write(json.dumps(await _answer(handler, await reader.readline())).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass  # the asker has gone; there is nobody to tell
        finally:
            writer.close()

    return await asyncio.start_unix_server(answer, _address(os.getpid()))


async def _answer(handler: Handler, line: bytes) -> dict[str, Any]:
    try:
        return {"result": await handler(json.loads(line))}
    except KinspectError as error:
        return {"error": error.message, "hint": error.hint}


def _user_of(connection: socket.socket) -> int:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])


def labs() -> list[int]:
    """The supervisors of this user's labs, by process id."""
    own = f"@{_PREFIX}-{os.getuid()}-"
    lines = Path("/proc/net/unix").read_text().splitlines()
    names = {line.rsplit(" ", 1)[-1] for line in lines}
    return sorted(int(name.removeprefix(own)) for name in names if name.startswith(own))


def ask(lab: int, request: dict[str, Any]) -> Any:
    """The answer of one lab. Raises what the lab answers as an error; VantageLost when it is gone."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(TIMEOUT_S)
            connection.connect(_address(lab))
            connection.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(connection.makefile().readline() or "{}")
    except (OSError, ValueError) as error:
        raise VantageLost(f"the lab {lab} does not answer: {error}", "see `kinspect lab status`") from error
    if "error" in answer:
        raise UsageError(answer["error"], answer["hint"])
    return answer.get("result")


def wait_until_gone(lab: int) -> None:
    """Returns when a lab's socket is closed, which is after all of it. Raises VantageLost."""
    deadline = time.monotonic() + TIMEOUT_S
    while lab in labs():
        if time.monotonic() > deadline:
            raise VantageLost(f"the lab {lab} does not end", f"kill {lab}")
        time.sleep(0.02)


def the_lab(chosen: int | None) -> int:
    """The lab that is meant: the chosen one, that of KUBECONFIG, or the only one. Raises UsageError."""
    running = labs()
    if chosen is not None:
        if chosen not in running:
            raise UsageError(f"there is no lab {chosen}", "see `kinspect lab status`")
        return chosen
    if not running:
        raise UsageError("no lab is running", "start one: kinspect lab up --detach")
    if len(running) == 1:
        return running[0]
    current = _behind(os.environ.get("KUBECONFIG", ""), running)
    if current is not None:
        return current
    told = ", ".join(map(str, running))
    raise UsageError(f"several labs are running: {told}", "choose one: --lab NUMBER")


def _behind(kubeconfig: str, running: list[int]) -> int | None:
    """The lab whose kubeconfig this is: its path names a process inside, whose ancestor the supervisor is."""
    match kubeconfig.split("/"):
        case ["", "proc", pid, "root", *_] if pid.isdigit():
            process = int(pid)
        case _:
            return None
    try:
        while process > 1 and process not in running:
            # The fields after the command's name, which may hold anything, in parentheses.
            _, parent = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[:2]
            process = int(parent)
    except OSError:
        return None
    return process if process in running else None
