"""The entry points kinspect, kubectl-kinspect and kubectl_complete-kinspect. Import as little as they can."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    sys.exit(_run(sys.argv[1:]))


def complete() -> None:
    """Completion for kubectl: the words so far and the one being typed, one candidate a line."""
    sys.exit(_run(["complete", "--", *sys.argv[1:]]))


def _run(argv: list[str]) -> int:
    gc.set_threshold(10_000, 10, 10)  # imports and reading make much and leave no cycles
    try:
        _ready_streams()
        from kinspect.cli import run

        return run(argv)
    except KeyboardInterrupt:  # before `run` could take care of it
        return 130


def _ready_streams() -> None:
    """Every standard stream exists and takes any text.

    One that the caller has closed is /dev/null: else its number would go to the next file or socket that is
    opened, and words for a person into it. A stdout that is not UTF-8 shows escapes for what it cannot hold.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - it stays open
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    main()
