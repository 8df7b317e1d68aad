"""`kinspect schema`: the JSON Schema of each document that is written for machines."""

from __future__ import annotations

from kinspect.errors import EXIT_OK, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

HELP = "the JSON Schema of tree, findings, trace or doctor"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME")


def run(args: argparse.Namespace) -> int:
    import json

    from msgspec import Struct

    from kinspect.export.doctor import Doctor
    from kinspect.export.encode import schema_of
    from kinspect.export.findings import Findings
    from kinspect.export.tree import Tree
    from kinspect.model.path import Trace

    documents: dict[str, type[Struct]] = {
        "doctor": Doctor,
        "findings": Findings,
        "trace": Trace,
        "tree": Tree,
    }
    if args.name is None:
        print("\n".join(sorted(documents)))
        return EXIT_OK
    if args.name not in documents:
        raise UsageError(f"there is no schema {args.name}", f"There are: {', '.join(sorted(documents))}")
    print(json.dumps(schema_of(documents[args.name]), indent=2))
    return EXIT_OK
