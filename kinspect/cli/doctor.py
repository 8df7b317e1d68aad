"""`kinspect doctor`: what this machine and this user may do, tool by tool and right by right."""

from __future__ import annotations

import sys

from kinspect.cli._options import add_cluster
from kinspect.errors import EXIT_OK, KinspectError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

HELP = "what this machine and this user may do, tool by tool and right by right"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-o", "--output", choices=("text", "json", "yaml"), default="text")
    parser.add_argument("-n", "--namespace", metavar="NAME", help="ask about this namespace")
    add_cluster(parser)


def run(args: argparse.Namespace) -> int:
    import asyncio

    from kinspect.cli._options import cluster_options
    from kinspect.cli._reading import start_log
    from kinspect.export.doctor import doctor, doctor_lines
    from kinspect.export.encode import json_bytes, yaml_bytes
    from kinspect.sources.rights import ask
    from kinspect.vantage.machine import abilities

    start_log(args)
    found = tuple(abilities())
    try:
        document = doctor(found, asyncio.run(ask(cluster_options(args))))
    except KinspectError as error:
        # A cluster that cannot be reached is one of the things that a doctor is asked about.
        document = doctor(found, None, f"{error.message}. {error.hint}".strip())
    if args.output == "text":
        print("\n".join(doctor_lines(document)))
    else:
        sys.stdout.buffer.write(json_bytes(document) if args.output == "json" else yaml_bytes(document))
    return EXIT_OK
