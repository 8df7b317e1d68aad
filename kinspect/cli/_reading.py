"""How a headless command gets its Snapshot, what it speaks of, and in which colours."""

from __future__ import annotations

import os
import sys

from kinspect.errors import UsageError
from kinspect.export.scope import Scope, find, holds, inhabited
from kinspect.export.text import COLOURS, Palette
from kinspect.model.snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def snapshot_of(
    args: argparse.Namespace, kinds: tuple[str, ...] | None = None
) -> tuple[Snapshot, str | None]:
    """The judged snapshot, and the namespace that the command is about (None = all).

    A live cluster is about the context's namespace unless -n or -A says otherwise; files are about all.
    `kinds`: of a cluster no more is read than these, in all namespaces, and nothing is judged.
    """
    if args.filename:
        return of_files(args)
    from kinspect.cli import _live  # with asyncio, which would take files a tenth of their time

    return _live.snapshot_of(args, kinds)


def of_files(args: argparse.Namespace) -> tuple[Snapshot, str | None]:
    """The same where files are named."""
    start_log(args)
    snapshot = read_files(args.filename)
    namespace = None if args.all_namespaces else args.namespace or None
    if namespace:
        known(snapshot, namespace)
    return snapshot, namespace


def known(snapshot: Snapshot, namespace: str, surely: bool = False) -> None:
    """Raises UsageError for a namespace that is not there: an answer about nothing would look good.

    `surely`: for one of which it is not known, too.
    """
    there = holds(snapshot, namespace)
    if there is False and snapshot.live:
        from difflib import get_close_matches

        near = get_close_matches(namespace, [key.name for key in snapshot.namespaces])
        raise UsageError(
            f"there is no namespace {namespace} in {snapshot.source}",
            f"Near it: {', '.join(near)}" if near else "",
        )
    if there is False:
        others = sorted(inhabited(snapshot))
        raise UsageError(
            f"no object of {snapshot.source} is in namespace {namespace}",
            f"They are in: {', '.join(others[:5])}{', …' if others[5:] else ''}" if others else "",
        )
    if there is None and surely:
        coverage = snapshot.coverage_of("Namespace")
        raise UsageError(
            f"whether there is a namespace {namespace} is not known: {coverage.reason or coverage.state}",
            f"-n {namespace} looks into it all the same.",
        )


def read_files(paths: list[str]) -> Snapshot:
    """What these files, folders and `-` (standard input) hold, judged. Raises Unreadable."""
    from kinspect.judge import judged
    from kinspect.sources import open_file

    if "" in paths:
        raise UsageError("a file is named by the empty text", "Is a variable not set? - is standard input.")
    return judged(open_file(paths))


def scope_of(args: argparse.Namespace, snapshot: Snapshot, namespace: str | None) -> Scope:
    """What the command speaks of: its target if it has one, else the namespace and the labels."""
    text = getattr(args, "target", None)
    target = find(snapshot, text, namespace) if text else None
    return Scope(namespace, args.selector, target)


def interactive() -> bool:
    """Whether somebody sits there. The screens are drawn on stderr, so that it must be a terminal too."""
    return all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def palette(args: argparse.Namespace) -> Palette:
    """Colours only where somebody looks (no-color.org), or where they were asked for."""
    if args.color == "always":
        return COLOURS
    quiet = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not sys.stdout.isatty()
    return {} if quiet or args.color == "never" else COLOURS


def start_log(args: argparse.Namespace) -> None:
    """Everything that is logged goes to the file of --log, and nowhere without it."""
    if not getattr(args, "log", None):
        return
    import logging

    try:
        logging.basicConfig(
            filename=args.log, level=logging.DEBUG, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
        )
    except OSError as error:
        raise UsageError(f"cannot write the log {args.log}: {error.strerror}") from error
