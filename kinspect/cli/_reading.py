"""How a headless command gets its Snapshot: from files, or from a cluster until everything has been read."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING

from kinspect.errors import KinspectError, NotPermitted, Unreachable, UsageError
from kinspect.export.scope import Scope, find, holds, inhabited
from kinspect.export.text import COLOURS, Palette
from kinspect.model.kinds import KINDS
from kinspect.model.snapshot import Snapshot

if TYPE_CHECKING:
    from kinspect.inspection import Inspection


def snapshot_of(
    args: argparse.Namespace, kinds: tuple[str, ...] | None = None
) -> tuple[Snapshot, str | None]:
    """The judged snapshot, and the namespace that the command is about (None = all).

    A live cluster is about the context's namespace unless -n or -A says otherwise; files are about all.
    `kinds`: of a cluster no more is read than these, in all namespaces, and nothing is judged.
    """
    return asyncio.run(read(args, kinds))


async def read(args: argparse.Namespace, kinds: tuple[str, ...] | None = None) -> tuple[Snapshot, str | None]:
    """As `snapshot_of`, for who has more to do meanwhile."""
    start_log(args)
    if args.filename:
        snapshot = read_files(args.filename)
        namespace = None if args.all_namespaces else args.namespace or None
    else:
        snapshot, namespace = await _read_once(args, kinds)
    if namespace:
        known(snapshot, namespace, surely=getattr(args, "word", None) is not None)
    return snapshot, namespace


def known(snapshot: Snapshot, namespace: str, surely: bool = False) -> None:
    """Raises UsageError for a namespace that is not there: an answer about nothing would look good.

    `surely`: for one of which it is not known, too.
    """
    there = holds(snapshot, namespace)
    if there is False and snapshot.live:
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


def look_for_namespace(args: argparse.Namespace) -> None:
    """Reads no more than what tells whether the namespace is there. Raises as `known` does, for certain."""
    asyncio.run(_look_for_namespace(args))


async def _look_for_namespace(args: argparse.Namespace) -> None:
    async with inspecting(args, ("Namespace",)) as (inspection, _):
        snapshot = await _read_of(inspection, "Namespace")
    known(snapshot, args.namespace, surely=True)


async def _read_of(inspection: Inspection, kind: str) -> Snapshot:
    """The first snapshot in which this kind is read, or will not be."""
    snapshot = inspection.snapshot
    while snapshot.coverage_of(kind).state in ("not given", "loading"):
        snapshot = await inspection.changed(snapshot)
    return snapshot


async def _read_once(args: argparse.Namespace, kinds: tuple[str, ...] | None) -> tuple[Snapshot, str | None]:
    async with inspecting(args, kinds) as (inspection, namespace):
        return await loaded(inspection), namespace


async def loaded(inspection: Inspection) -> Snapshot:
    """The first snapshot with everything read and judged. Without Services nothing else is waited for.

    Raises NotPermitted or Unreachable: it would lack what every answer stands on.
    """
    _permitted(await _read_of(inspection, "Service"))
    return _permitted(await inspection.loaded())


def _permitted(snapshot: Snapshot) -> Snapshot:
    services = snapshot.coverage_of("Service")
    if services.state == "denied":
        raise NotPermitted(
            f"{snapshot.source}: {services.reason or 'services may not be listed'}",
            "`kinspect doctor` lists the rights of this user; -n NAMESPACE reads one namespace only.",
        )
    if services.state != "given":
        raise Unreachable(
            f"{snapshot.source}: the Services could not be read: {services.reason or services.state}",
            "Is this a Kubernetes API server, and is it well? --log FILE tells every answer.",
        )
    return snapshot


@asynccontextmanager
async def inspecting(
    args: argparse.Namespace, kinds: tuple[str, ...] | None = None
) -> AsyncIterator[tuple[Inspection, str | None]]:
    """A running inspection of the cluster, and the namespace that the command is about; `kinds` as above."""
    from kinspect.cli._options import cluster_options
    from kinspect.inspection import Inspection
    from kinspect.sources.kube import open_cluster
    from kinspect.sources.watcher import PACE

    options = cluster_options(args)
    # Who limits the time of a request wants to wait no longer than that, as with kubectl.
    pace = PACE if options.request_timeout_s is None else PACE._replace(asks_again=False)
    everywhere = args.all_namespaces or kinds is not None
    source = open_cluster(options, None if everywhere else (), pace, kinds or tuple(KINDS))
    namespace = None if args.all_namespaces else (args.namespace or source.namespace)
    inspection = Inspection(source, judging=kinds is None)
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(inspection.run())
            try:
                yield inspection, namespace
            finally:
                task.cancel()
                await source.aclose()
    except BaseExceptionGroup as failures:
        raise _first(failures) from None


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one failure that is for the person; else the only one there is; else the whole group, our bug."""
    known = failures.subgroup(KinspectError)
    for each in known.exceptions if known else ():
        return _first(each) if isinstance(each, BaseExceptionGroup) else each
    if len(failures.exceptions) == 1:
        only = failures.exceptions[0]
        return _first(only) if isinstance(only, BaseExceptionGroup) else only
    return failures


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
    try:
        logging.basicConfig(
            filename=args.log, level=logging.DEBUG, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
        )
    except OSError as error:
        raise UsageError(f"cannot write the log {args.log}: {error.strerror}") from error
