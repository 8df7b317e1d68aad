"""Memory while much is read, and after: what Python and the C library would else do at the wrong time."""

from __future__ import annotations

import contextlib
import ctypes
import gc


def collect_later() -> None:
    """No search for cycles for now: what is read makes none, and the more there is the longer they take."""
    gc.disable()


def collect_again(loaded: bool = False) -> None:
    """Searches again; `loaded` takes what is there by now out of the search for good."""
    if loaded:
        gc.freeze()
    gc.enable()


def give_back() -> None:
    """Returns to the system what reading took and no longer needs (pages of 4 MB). Only glibc can."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
