"""`kinspect tree`: the tree as text, JSON or YAML, once or whenever it changes."""

from __future__ import annotations

import sys

from kinspect.cli._options import add_cluster, add_color, add_files, add_scope
from kinspect.errors import EXIT_OK, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from kinspect.export.scope import Scope
    from kinspect.model.snapshot import Snapshot

HELP = "Services with their ports, slices, endpoints, pods and nodes"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "target", nargs="?", metavar="TARGET", help="svc/NAME, pod/NAME, node/NAME or ing/NAME"
    )
    parser.add_argument("-o", "--output", choices=("text", "json", "yaml"), default="text")
    parser.add_argument(
        "-w", "--watch", action="store_true", help="again on every change; with json, a line each"
    )
    add_scope(parser)
    add_files(parser)
    add_cluster(parser)
    add_color(parser)


def run(args: argparse.Namespace) -> int:
    from kinspect.cli import _reading

    if args.watch and args.filename:
        raise UsageError("-w watches a cluster: a file does not change")
    if args.watch:
        import asyncio

        return asyncio.run(_watch(args))
    snapshot, namespace = _reading.snapshot_of(args)
    sys.stdout.buffer.write(_render(args, snapshot, _reading.scope_of(args, snapshot, namespace)))
    return EXIT_OK


async def _watch(args: argparse.Namespace) -> int:
    """Prints whenever what would be printed differs, but for the time, from what was printed last."""
    import re

    from kinspect.cli import _live, _reading

    printed = b""
    async with _live.inspecting(args) as (inspection, namespace):
        snapshot = await _live.loaded(inspection)
        while True:
            text = _render(args, snapshot, _reading.scope_of(args, snapshot, namespace))
            timeless = re.sub(rb'"?takenAt"?: ?"[^"]*"', b"", text)
            if timeless != printed:
                printed = timeless
                sys.stdout.buffer.write(text)
                sys.stdout.flush()
            snapshot = await inspection.changed(snapshot)


def _render(args: argparse.Namespace, snapshot: Snapshot, scope: Scope) -> bytes:
    from kinspect.export import encode
    from kinspect.export.tree import tree

    if args.output == "text":
        return "".join(f"{line}\n" for line in _text(args, snapshot, scope)).encode()
    document = tree(snapshot, scope)
    if args.output == "yaml":
        return encode.yaml_bytes(document)
    return encode.json_line(document) if args.watch else encode.json_bytes(document)


def _text(args: argparse.Namespace, snapshot: Snapshot, scope: Scope) -> Iterator[str]:
    from kinspect.cli._reading import palette
    from kinspect.export.scope import services_in
    from kinspect.export.text import hidden_lines, summary_line, tree_lines
    from kinspect.outline.perspectives import root_of, service_rows
    from kinspect.outline.summary import summary
    from kinspect.outline.visible import visible

    keys = services_in(snapshot, scope)
    found = summary(snapshot, keys)
    yield summary_line(found, snapshot.source, scope.namespace)
    rows = [root_of(scope.target)] if scope.target else service_rows(keys)
    yield from tree_lines(snapshot, rows, palette(args), whole=scope.target is not None)
    yield from hidden_lines(found)
    yield from map(visible, snapshot.notes)
