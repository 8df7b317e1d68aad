"""A lab that outlives the command that started it: a supervisor in a session of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable

from kinspect.errors import EXIT_OK
from kinspect.lab import session
from kinspect.lab.supervisor import Lab, Wishes


def start(wishes: Wishes, announce: Callable[[Lab], None]) -> int:
    """Returns twice, as fork does: here when the lab is ready (or why not was said), there when it has ended.

    The result is an exit code, here that of the supervisor if there is no lab.
    """
    ready, tell = os.pipe()
    supervisor = os.fork()
    if supervisor == 0:
        os.close(ready)
        _leave_the_terminal()

        def told(lab: Lab) -> None:
            announce(lab)
            _fall_silent()
            os.write(tell, b"ready")

        asyncio.run(session.keep(wishes, told))
        return EXIT_OK
    os.close(tell)
    is_ready = os.read(ready, 5) == b"ready"
    os.close(ready)
    return EXIT_OK if is_ready else os.waitstatus_to_exitcode(os.waitpid(supervisor, 0)[1])


def _leave_the_terminal() -> None:
    """Keeps the caller's output for this process alone: what it starts must not hold a pipe open."""
    os.setsid()
    sys.stdout, sys.stderr = (os.fdopen(os.dup(stream.fileno()), "w") for stream in (sys.stdout, sys.stderr))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nowhere, standard)
    os.close(nowhere)


def _fall_silent() -> None:
    """Lets go of the caller's output."""
    sys.stdout.close()
    sys.stderr.close()
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process lives
