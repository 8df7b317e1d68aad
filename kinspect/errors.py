"""The few errors that a person at the keyboard can do something about, each with a hint and an exit code.

Bad news from the network is not here: it is data (an Observation with an outcome). A foreign exception is
translated once, at the door where it comes in, into one of these.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_NOT_PERMITTED = 4
EXIT_VANTAGE_LOST = 5
EXIT_UNREADABLE = 6
EXIT_BUG = 70
EXIT_INTERRUPTED = 130


class KinspectError(Exception):
    """An error with one line that says what happened and one that says what to do next (may be empty)."""

    exit_code = EXIT_BUG

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(KinspectError):
    """The command line, or a name on it, is wrong."""

    exit_code = EXIT_USAGE


class Unreachable(KinspectError):
    """The cluster did not answer, or the credentials to ask it could not be had."""

    exit_code = EXIT_UNREACHABLE


class NotPermitted(KinspectError):
    """This user or this process lacks a right that the command cannot do without."""

    exit_code = EXIT_NOT_PERMITTED


class VantageLost(KinspectError):
    """The place where code was to run is gone, or never came up."""

    exit_code = EXIT_VANTAGE_LOST


class Unreadable(KinspectError):
    """A file is missing, too large, malformed, or of a newer schema."""

    exit_code = EXIT_UNREADABLE
