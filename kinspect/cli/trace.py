"""`kinspect trace`: real packets, hop by hop, beside what they should have done.

Exit code 0 means that all of them were delivered as predicted, and large ones too where that was tried.
"""

from __future__ import annotations

import sys

from kinspect.cli._options import add_cluster, add_color, add_files, add_scope
from kinspect.errors import EXIT_FINDINGS, EXIT_OK, Unreadable, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from kinspect.asks.trace import TraceAsk, Traced

HELP = "send marked packets and show every hop of them, beside what was predicted"
MOST_REPEATS = 1000


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "target",
        metavar="TARGET",
        help="svc/NAME[:PORT], pod/NAME:PORT, node/NAME:PORT, http(s)://HOST/PATH, ADDRESS:PORT",
    )
    parser.add_argument(
        "--from", dest="vantage", metavar="PLACE", default="here", help="here, pod/NS/NAME, node/NAME, client"
    )
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="send N times and group the paths")
    parser.add_argument("--expect-only", action="store_true", help="predict, send nothing")
    parser.add_argument("--method", metavar="NAME", help="marked-connect, marked-syn, marked-datagram, …")
    parser.add_argument("--udp", action="store_true", help="UDP, where TARGET leaves it open")
    parser.add_argument("--pcap", metavar="FILE", help="write the packets as pcapng, the hops as comments")
    parser.add_argument("--sudo", action="store_true", help="run the agent, and nothing else, as root")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    add_scope(parser)
    add_files(parser)
    add_cluster(parser)
    add_color(parser)


def run(args: argparse.Namespace) -> int:
    import asyncio
    from pathlib import Path

    from kinspect.asks import TRACE_READS
    from kinspect.asks import trace as asks
    from kinspect.cli import _reading

    if not 1 <= args.repeat <= MOST_REPEATS:
        raise UsageError(f"--repeat {args.repeat} is not between 1 and {MOST_REPEATS}")
    lost = None
    if args.expect_only:
        snapshot, namespace = _reading.snapshot_of(args, TRACE_READS)
        told = asks.predict(snapshot, _ask(args, namespace))
    else:
        traced = asyncio.run(_traced(args))
        told, lost = traced.trace, traced.lost
        if args.pcap:
            from kinspect.trace import pcapng

            _write(Path(args.pcap), pcapng.encode(traced.packets, f"kinspect trace {args.target}"))
    if args.output == "json":
        from kinspect.export.encode import unobeyed
        from kinspect.model.path import encode

        sys.stdout.buffer.write(unobeyed(encode(told)) + b"\n")
    else:
        from kinspect.outline.path import lines

        for line in lines(told):
            print(line.text)
    if lost is not None:
        raise lost
    hole = told.large is not None and told.large.verdict == "dropped"
    fine = args.expect_only or (told.verdict == "delivered" and told.divergence is None and not hole)
    return EXIT_OK if fine else EXIT_FINDINGS


async def _traced(args: argparse.Namespace) -> Traced:
    """The first agent starts while the cluster is read."""
    from kinspect.asks import TRACE_READS
    from kinspect.asks import trace as asks
    from kinspect.cli import _live

    async with asks.begun(args.sudo) as beginning:
        snapshot, namespace = await _live.read(args, TRACE_READS)
        return await asks.trace_on(await beginning.ground(snapshot), snapshot, _ask(args, namespace))


def _ask(args: argparse.Namespace, namespace: str | None) -> TraceAsk:
    from kinspect.asks.trace import TraceAsk

    return TraceAsk(
        target=args.target,
        vantage=args.vantage,
        namespace=namespace or "default",
        protocol="UDP" if args.udp else "",
        method=args.method,
        repeat=args.repeat,
        sudo=args.sudo,
    )


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise Unreadable(f"{path}: not written: {error.strerror or error}") from error
