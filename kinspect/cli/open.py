"""`kinspect open`: a saved snapshot, or manifests, in the same screens as a live cluster."""

from __future__ import annotations

from kinspect.cli._options import add_color

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

HELP = "look around in a saved snapshot, or in manifests"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("filename", nargs="+", metavar="FILE", help="a snapshot, manifests, a folder, or -")
    parser.add_argument("-n", "--namespace", metavar="NAME", help="look at this namespace first")
    parser.add_argument("--theme", metavar="NAME", help="a theme by name")
    parser.add_argument("--log", metavar="FILE", help="write what happens to FILE, for a bug report")
    add_color(parser)
    parser.set_defaults(target=None, selector="", all_namespaces=False)


def run(args: argparse.Namespace) -> int:
    from kinspect.cli import _reading, tree

    if not _reading.interactive():
        args.output, args.watch = "text", False
        return tree.run(args)
    _reading.start_log(args)
    from kinspect.inspection import Inspection
    from kinspect.tui.app import TuiOptions
    from kinspect.tui.app import run as run_app

    snapshot = _reading.read_files(args.filename)
    namespace = None if args.all_namespaces else args.namespace
    options = TuiOptions(theme=args.theme, namespace=namespace, target=args.target)
    return run_app(lambda context: Inspection(None, snapshot), options)
