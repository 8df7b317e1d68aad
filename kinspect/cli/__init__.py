"""Commands: one file each, with HELP, `add(parser)` and `run(args) -> exit code`; imported when asked for.

Nothing is registered: a file in this folder whose name has no underscore in front is a command. Heavy
imports (Textual, Scapy, the Kubernetes client) stand inside `run`, so that `--help` costs nothing. For the
list of commands argparse and typing are heavy, too: no command needs them but for its types. stdout is data,
stderr is words; this file alone turns errors into words and exit codes.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys

from kinspect import __version__
from kinspect.cli._options import takes_next
from kinspect.errors import (
    EXIT_BUG,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_UNREADABLE,
    KinspectError,
    Unreadable,
    UsageError,
)

TYPE_CHECKING = False  # by this name a type checker knows better
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Protocol

    class Command(Protocol):
        """What a module of this folder offers. HELP is one line; "" hides the command from the list."""

        HELP: str

        def add(self, parser: argparse.ArgumentParser) -> None: ...

        def run(self, args: argparse.Namespace) -> int: ...


DEFAULT = "browse"


def names() -> list[str]:
    """Every command, by the files of this folder."""
    files = os.listdir(__path__[0])  # noqa: PTH208 - pathlib and pkgutil cost more than all commands together
    return sorted(name[:-3] for name in files if name.endswith(".py") and not name.startswith("_"))


def load(name: str) -> Command:
    command: Command = importlib.import_module(f"{__name__}.{name}")
    return command


def parser_of(name: str) -> argparse.ArgumentParser:
    """The parser of a command. It raises UsageError instead of leaving the process."""
    from kinspect.cli._parser import Help, Parser

    command = load(name)
    title = program() if name == DEFAULT else f"{program()} {name}"
    parser = Parser(prog=title, description=command.HELP, allow_abbrev=False, formatter_class=Help)
    command.add(parser)
    return parser


def run(argv: Sequence[str]) -> int:
    """Runs a command line and returns its exit code. Never raises, except for SystemExit of --help."""
    try:
        try:
            return _dispatch(list(argv))
        finally:
            sys.stdout.flush()  # here, where a failure still gets words and an exit code
    except KinspectError as error:
        _say(error)
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _abandon_stdout()  # its reader has seen enough
        return EXIT_OK
    except Exception as error:  # noqa: BLE001 - the last supervisor: whatever comes here is our bug
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            _abandon_stdout()
            _say(Unreadable(f"the output could not be written: {error.strerror}"))
            return EXIT_UNREADABLE
        _report_bug()
        return EXIT_BUG


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _abandon_stdout() -> None:
    """Points stdout elsewhere, so that the exit of the process does not try to write there once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def program() -> str:
    """How the user calls us: by name, or as a kubectl plugin."""
    return "kubectl kinspect" if "kubectl-" in sys.argv[0].rpartition(os.sep)[2] else "kinspect"


def _dispatch(argv: list[str]) -> int:
    position = _command_position(argv)
    word = argv[position] if position is not None else None
    if position is not None and word == "help":
        return _help_on(argv[position + 1 :])
    if position is None and argv[:1] in (["-h"], ["--help"]):
        return _help_on([])
    if argv[:1] == ["--version"]:
        print(f"kinspect {__version__}")
        return EXIT_OK
    if position is not None and word in names():
        name, rest = word, argv[:position] + argv[position + 1 :]
    else:
        name, rest = DEFAULT, argv
    try:
        args = parser_of(name).parse_args(rest)
    except UsageError as error:
        raise (mistyped(error, word) if name == DEFAULT and word else error) from None
    return load(name).run(args)


def near(word: str) -> str:
    """The command that the word nearly is; "" if there is none."""
    from difflib import get_close_matches

    visible = [name for name in names() if load(name).HELP and name != DEFAULT]
    return next(iter(get_close_matches(word, visible, 1, 0.7)), "")


def mistyped(error: KinspectError, word: str) -> KinspectError:
    """The error, and the command that was perhaps meant where the word was taken for a namespace."""
    command = near(word)
    if not command:
        return error
    meant = f"Did you mean `{program()} {command}`? (To open a namespace of this name: -n {word})"
    return type(error)(error.message, f"{error.hint}\n{meant}".strip())


def _command_position(argv: list[str]) -> int | None:
    """Where the first word stands that is neither a flag nor the value of one; flags may come before it."""
    skip = False
    for position, word in enumerate(argv):
        if skip:
            skip = False
        elif word == "--":
            return None
        elif word.startswith("-") and word != "-":
            skip = takes_next(word)
        else:
            return position
    return None


def _help_on(words: list[str]) -> int:
    """Of all commands, or of the one that is named."""
    if words and words[0] in names():
        parser_of(words[0]).print_help()
    elif words and not words[0].startswith("-"):
        raise mistyped(UsageError(f"there is no command {words[0]}", f"See {program()} --help"), words[0])
    else:
        print(_help())
    return EXIT_OK


def _help() -> str:
    """The list of commands, and how to start."""
    commands = [(name, load(name).HELP) for name in names()]
    rows = [f"  {name:<12}{help_}" for name, help_ in commands if help_ and name != DEFAULT]
    return "\n".join(
        [
            "Why does this request not arrive, and at which hop? A Kubernetes network inspector.",
            "",
            f"  {program()} [svc/NAME | NAMESPACE] [flags]    look around, live",
            f"  {program()} COMMAND --help                    what a command does",
            "",
            "Commands:",
            *rows,
            "",
            "kubectl's own flags work everywhere: -n, -A, -l, -o, -w, --context, --kubeconfig, --as, …",
        ]
    )


def _say(error: KinspectError) -> None:
    from kinspect.outline.visible import visible

    print(f"kinspect: {visible(error.message)}", file=sys.stderr)
    for line in error.hint.splitlines():
        print(f"  {visible(line)}", file=sys.stderr)


def _report_bug() -> None:
    """A traceback without the home folder and without any value of the user's."""
    import traceback

    home = os.path.expanduser("~")  # noqa: PTH111 - as above
    text = traceback.format_exc().replace(home, "~")
    print(text, file=sys.stderr)
    print(f"kinspect {__version__}: this is our bug, please report the lines above", file=sys.stderr)
