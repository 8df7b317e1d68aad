"""`kinspect check`: what is wrong, with the evidence and the fix; the exit code tells how bad it is."""

from __future__ import annotations

import sys

from kinspect.cli._options import add_cluster, add_color, add_files, add_scope
from kinspect.errors import EXIT_FINDINGS, EXIT_OK

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

HELP = "judge everything by all rules; exit code 1 when something is found"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "target", nargs="?", metavar="TARGET", help="svc/NAME, pod/NAME, node/NAME or ing/NAME"
    )
    parser.add_argument("-o", "--output", choices=("text", "json", "yaml"), default="text")
    parser.add_argument(
        "--fail-on",
        choices=("error", "warning", "info", "never"),
        default="error",
        help="the severity from which the exit code is 1 (default error); unknown never changes it",
    )
    add_scope(parser)
    add_files(parser)
    add_cluster(parser)
    add_color(parser)


def run(args: argparse.Namespace) -> int:
    from kinspect.cli import _reading
    from kinspect.export import encode
    from kinspect.export.findings import findings, worst
    from kinspect.export.text import findings_lines, hidden_lines
    from kinspect.model.finding import SEVERITIES
    from kinspect.outline.summary import summary
    from kinspect.outline.visible import visible
    from kinspect.rules import load

    snapshot, namespace = _reading.snapshot_of(args)
    scope = _reading.scope_of(args, snapshot, namespace)
    document = findings(snapshot, scope, rules=len(load()))
    if args.output == "text":
        for line in findings_lines(document, _reading.palette(args), scope.namespace):
            print(line)
    else:
        encoded = encode.json_bytes(document) if args.output == "json" else encode.yaml_bytes(document)
        sys.stdout.buffer.write(encoded)
    for line in (*hidden_lines(summary(snapshot)), *map(visible, snapshot.notes)):
        print(line, file=sys.stderr)
    seen = worst(snapshot, scope)
    if seen is None or args.fail_on == "never":
        return EXIT_OK
    return EXIT_FINDINGS if SEVERITIES.index(seen) <= SEVERITIES.index(args.fail_on) else EXIT_OK
