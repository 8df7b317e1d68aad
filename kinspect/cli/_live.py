"""How a headless command gets the Snapshot of a cluster: it waits until everything has been read."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kinspect.cli import _reading
from kinspect.cli._options import cluster_options
from kinspect.errors import KinspectError, NotPermitted, Unreachable
from kinspect.inspection import Inspection
from kinspect.model.kinds import KINDS
from kinspect.model.snapshot import Snapshot
from kinspect.sources.kube import open_cluster
from kinspect.sources.watcher import PACE


def snapshot_of(args: argparse.Namespace, kinds: tuple[str, ...] | None) -> tuple[Snapshot, str | None]:
    """As `_reading.snapshot_of`, without files."""
    return asyncio.run(read(args, kinds))


async def read(args: argparse.Namespace, kinds: tuple[str, ...] | None) -> tuple[Snapshot, str | None]:
    """As `_reading.snapshot_of`, for who has more to do meanwhile."""
    if args.filename:
        return _reading.of_files(args)
    _reading.start_log(args)
    async with inspecting(args, kinds) as (inspection, namespace):
        snapshot = await loaded(inspection)
    if namespace:
        _reading.known(snapshot, namespace, surely=getattr(args, "word", None) is not None)
    return snapshot, namespace


def look_for_namespace(args: argparse.Namespace) -> None:
    """Reads no more than what tells whether the namespace is there. Raises as `known` does, for certain."""
    asyncio.run(_look_for_namespace(args))


async def _look_for_namespace(args: argparse.Namespace) -> None:
    async with inspecting(args, ("Namespace",)) as (inspection, _):
        snapshot = await _read_of(inspection, "Namespace")
    _reading.known(snapshot, args.namespace, surely=True)


async def _read_of(inspection: Inspection, kind: str) -> Snapshot:
    """The first snapshot in which this kind is read, or will not be."""
    snapshot = inspection.snapshot
    while snapshot.coverage_of(kind).state in ("not given", "loading"):
        snapshot = await inspection.changed(snapshot)
    return snapshot


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
