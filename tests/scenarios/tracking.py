"""What became of a connection: the nodes' tables of connection tracking, followed from node to node.

An entry has two tuples: as the first packet came, and as its reply comes back. The reply's source is where
the connection was sent (after DNAT), the reply's destination is whom the other side sees (after SNAT).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from .ground import Ground, run

_TUPLE = re.compile(r"src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)")


class End(NamedTuple):
    """One end of a connection."""

    address: str
    port: int


class Flow(NamedTuple):
    """A connection as one side of a node sees it."""

    protocol: str
    source: End
    target: End


Table = Mapping[Flow, Flow]
"""How a connection came to a node → how it left it."""


def remember(ground: Ground) -> None:
    """Makes the nodes remember what was refused or not answered for two minutes, not for ten seconds."""
    names = ("tcp_timeout_close", "udp_timeout", "udp_timeout_stream")
    for node in ground.modes:
        run(
            ground,
            f"node/{node}",
            ["sysctl", "-qw", *(f"net.netfilter.nf_conntrack_{name}=120" for name in names)],
        )


def tables(ground: Ground) -> list[Table]:
    """What every node remembers now.

    Limits: an entry of a connection that has ended may have given way to a new one that needed its port, so
    only what was never answered is surely here.
    """
    return [read(run(ground, f"node/{node}", ["conntrack", "-L"])) for node in ground.modes]


def read(dump: str) -> Table:
    """The table that `conntrack -L` has printed."""
    found = {}
    for line in dump.splitlines():
        ends = [
            (End(src, int(sport)), End(dst, int(dport))) for src, dst, sport, dport in _TUPLE.findall(line)
        ]
        if len(ends) == 2:
            (source, target), (answering, seen) = ends
            protocol = line.split()[0].upper()
            found[Flow(protocol, source, target)] = Flow(protocol, seen, answering)
    return found


def followed(flow: Flow, tables: list[Table]) -> Flow:
    """The connection after every node that it crossed: its target is who got it."""
    left = list(tables)
    while crossed := next((table for table in left if flow in table), None):
        left.remove(crossed)
        flow = crossed[flow]
    return flow
