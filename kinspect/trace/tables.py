"""The kernels' connection tables as hops: what was translated where, proved by the one that did it.

Theory of operation:

1. A table entry has two tuples: the packet as it came (original), and the answer as it will come (reply). The
   answer's ends, reversed, are those that the packet leaves with. So one entry is a whole visit.
2. The packet that leaves one node comes to the next as it is: the entry there begins where this one ends.
   Entries are chained by that, from the end that was called.
3. No time is in it and no link, and a node without an entry may only not track. So what is not here proves
   nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kinspect.model.path import Action, Address, At, Direction, Hop
from kinspect.ruleset.conntrack import Connection, Table, Tuple
from kinspect.trace.methods import Local
from kinspect.trace.sighting import Place


def table_hops(local: Local, asked: Address, tables: Mapping[Place, Table]) -> tuple[Hop, ...]:
    """The visits that the tables prove, in the order of the packet's way; () = no table has it."""
    ends = Tuple(local.address, asked.address, local.port, asked.port or 0)
    left = dict(tables)
    visits: list[tuple[Place, Connection]] = []
    while found := _next(ends, left):
        place, connection = found
        visits.append(found)
        ends = _reversed(connection.reply)
        del left[place]
    there = [hop for visit in visits for hop in _hops(*visit, "original")]
    back = [hop for visit in reversed(visits) for hop in _hops(*visit, "reply")]
    return (*there, *back)


def _next(ends: Tuple, tables: Mapping[Place, Table]) -> tuple[Place, Connection] | None:
    """The entry that begins with these ends; one that translates comes before one that only watches."""
    found = [
        (place, connection)
        for place, table in sorted(tables.items())
        for connection in table.connections
        if connection.original == ends
    ]
    return min(found, key=lambda each: not _translates(each[1]), default=None)


def _translates(connection: Connection) -> bool:
    return connection.destination_translated or connection.source_translated


def _hops(place: Place, connection: Connection, direction: Direction) -> Iterable[Hop]:
    """The entry's visit, in and out."""
    came, left = connection.original, _reversed(connection.reply)
    if direction == "reply":
        came, left = connection.reply, _reversed(connection.original)
    actions: list[Action] = []
    if connection.destination_translated:
        actions.append("dnat")
    if connection.source_translated:
        actions.append("snat")
    at = At(place.kind, place.name)
    yield _hop(direction, at, "in", came, ("received",))
    yield _hop(direction, at, "out", left, tuple(actions) or ("routed",))


def _hop(direction: Direction, at: At, way: str, ends: Tuple, actions: tuple[Action, ...]) -> Hop:
    return Hop(
        direction,
        at,
        way="in" if way == "in" else "out",
        actions=actions,
        src=Address(ends.src, ends.sport),
        dst=Address(ends.dst, ends.dport),
        matched_by="kernel",
    )


def _reversed(ends: Tuple) -> Tuple:
    return Tuple(ends.dst, ends.src, ends.dport, ends.sport)
