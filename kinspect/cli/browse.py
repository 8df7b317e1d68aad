"""`kinspect` without a command: the interactive session; without a terminal, the tree as text."""

from __future__ import annotations

from kinspect.cli import mistyped, near
from kinspect.cli._options import add_cluster, add_color, add_files, add_scope
from kinspect.errors import KinspectError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from kinspect.inspection import Inspection

HELP = "look around, live"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", nargs="?", metavar="svc/NAME | NAMESPACE", help="where to look first")
    parser.add_argument("--theme", metavar="NAME", help="a theme by name")
    add_scope(parser)
    add_files(parser)
    add_cluster(parser)
    add_color(parser)


def run(args: argparse.Namespace) -> int:
    args.word = args.target if args.target and "/" not in args.target else None
    if args.word is None:
        return _look(args)
    if args.namespace or args.all_namespaces:
        raise UsageError(
            f"{args.word} is taken for a namespace, and the flags choose another", "Leave one of them out."
        )
    if args.filename:
        hint = f"Beside -f a namespace is named by -n {args.word}."
        raise mistyped(UsageError(f"there is no command {args.word}", hint), args.word)
    args.namespace, args.target = args.word, None
    try:
        return _look(args)
    except KinspectError as error:
        raise mistyped(error, args.word) from error


def _look(args: argparse.Namespace) -> int:
    from kinspect.cli import _reading
    from kinspect.export.scope import named

    if not _reading.interactive():
        return _text(args)
    if args.target:
        named(args.target)
    if args.filename:
        from kinspect.cli import open

        return open.run(args)
    if args.word and near(args.word):
        from kinspect.cli import _live

        _live.look_for_namespace(args)
    _reading.start_log(args)
    from kinspect.tui.app import TuiOptions
    from kinspect.tui.app import run as run_app

    return run_app(
        lambda context: _inspection(args, context),
        TuiOptions(
            theme=args.theme,
            namespace=None if args.all_namespaces else args.namespace,
            target=args.target,
            context=args.context,
            contexts=lambda: _contexts(args),
        ),
    )


def _contexts(args: argparse.Namespace) -> list[str]:
    """The contexts that one can change to."""
    from kinspect.cli._options import cluster_options
    from kinspect.sources.kubeconfig import contexts

    return [context.name for context in contexts(cluster_options(args))]


def _inspection(args: argparse.Namespace, context: str | None) -> Inspection:
    """An inspection of all namespaces that the user may see, in another context if one is named."""
    from dataclasses import replace

    from kinspect.cli._options import cluster_options
    from kinspect.inspection import Inspection
    from kinspect.sources.kube import open_cluster

    options = cluster_options(args)
    return Inspection(open_cluster(replace(options, context=context) if context else options, None))


def _text(args: argparse.Namespace) -> int:
    """Where there is no terminal to draw on: the same tree, once."""
    from kinspect.cli import tree

    args.output, args.watch = "text", False
    return tree.run(args)
