"""A lab that outlives the command that started it: a supervisor in a session of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable

from kinspect.errors import EXIT_BUG, EXIT_OK, KinspectError
from kinspect.lab import session
from kinspect.lab.supervisor import Lab, Wishes


def start(wishes: Wishes, announce: Callable[[Lab], None]) -> int:
    """Returns when the lab is ready, and 0; or when it could not be, and why was printed, its exit code."""
    ready, tell = os.pipe()
    if os.fork() == 0:
        os.close(ready)
        _supervise(wishes, announce, tell)
    os.close(tell)
    answer = os.read(ready, 1)  # nothing = it ended without a word
    os.close(ready)
    return answer[0] if answer else EXIT_BUG


def _supervise(wishes: Wishes, announce: Callable[[Lab], None], tell: int) -> None:
    """Becomes the supervisor: never returns."""
    os.setsid()

    def ready(lab: Lab) -> None:
        announce(lab)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
        os.write(tell, bytes([EXIT_OK]))
        os.close(tell)

    code = EXIT_BUG
    try:
        asyncio.run(session.keep(wishes, ready))
        code = EXIT_OK
    except KinspectError as error:
        sys.stderr.write(f"kinspect: {error.message}\n  {error.hint}\n")
        sys.stderr.flush()
        os.write(tell, bytes([error.exit_code]))
        code = error.exit_code
    finally:
        os._exit(code)
