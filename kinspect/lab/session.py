"""How long a lab lives: until it is told to end, or as long as a command that runs beside it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

from kinspect.errors import UsageError
from kinspect.lab import control, isolation
from kinspect.lab.commands import Commands
from kinspect.lab.supervisor import Lab, Wishes, open_lab

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def keep(wishes: Wishes, ready: Callable[[Lab], None]) -> None:
    """Keeps a lab until a signal or `lab down` ends it; `ready` is called once it is booted."""
    async with open_controlled(wishes) as commands:
        loop = asyncio.get_running_loop()
        for number in _ENDING:
            loop.add_signal_handler(number, commands.ended.set)
        ready(commands.lab)
        await commands.ended.wait()


async def run_beside(wishes: Wishes, argv: Sequence[str], ready: Callable[[Lab], None]) -> int:
    """Boots a lab, runs a command with KUBECONFIG set to it, and returns the command's exit code."""
    async with open_controlled(wishes) as commands:
        ready(commands.lab)
        return await run_with(commands.lab.kubeconfig, argv)


async def run_with(kubeconfig: Path, argv: Sequence[str]) -> int:
    """Runs a command of the user's on this terminal; its exit code as a shell tells it. Raises UsageError."""
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    with _signals_left_to_the_command():
        try:
            process = await asyncio.create_subprocess_exec(*argv, env=environment, preexec_fn=_prepare)
        except OSError as error:
            raise UsageError(f"{argv[0]}: {error.strerror}") from error
        try:
            code = await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
    return 128 - code if code < 0 else code


@contextlib.asynccontextmanager
async def open_controlled(wishes: Wishes) -> AsyncIterator[Commands]:
    """A lab that other commands find and talk to."""
    # What somebody sends to a server of the lab is not to be written over the screen that is open on it.
    logging.getLogger("aiohttp.server").addHandler(logging.NullHandler())
    async with open_lab(wishes) as lab:
        commands = Commands(lab)
        server = await control.serve(commands)
        try:
            yield commands
        finally:
            server.close()


def _prepare() -> None:
    """In the command, before it runs: it takes Ctrl-C again, and ends with the lab that it looks at."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        isolation.die_with_parent(signal.SIGTERM)


@contextlib.contextmanager
def _signals_left_to_the_command() -> Iterator[None]:
    """Ctrl-C reaches the command as well, and what it means is the command's business."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
