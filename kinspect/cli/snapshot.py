"""`kinspect snapshot`: everything that is known, in one file that opens anywhere, without secrets."""

from __future__ import annotations

import sys

from kinspect.cli._options import add_cluster, add_files, add_scope
from kinspect.errors import EXIT_OK, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

HELP = "save everything in one redacted file, to open, compare or attach to a bug report"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="FILE.json or FILE.json.gz")
    add_scope(parser)
    add_files(parser)
    add_cluster(parser)


def run(args: argparse.Namespace) -> int:
    from kinspect.cli import _reading
    from kinspect.export.text import hidden_lines, summary_line
    from kinspect.outline.summary import summary
    from kinspect.sources.saved import DROPPED, save

    if not args.output.endswith((".json", ".json.gz")):
        raise UsageError(f"{args.output}: a snapshot is written as .json or .json.gz")
    if not args.filename and not args.namespace:
        args.all_namespaces = True
    snapshot, _ = _reading.snapshot_of(args)
    save(snapshot, args.output)
    found = summary(snapshot)
    print(f"{args.output}: {summary_line(found, snapshot.source)}", file=sys.stderr)
    print(f"left out: {', '.join(DROPPED)}", file=sys.stderr)
    for line in hidden_lines(found):
        print(line, file=sys.stderr)
    return EXIT_OK
