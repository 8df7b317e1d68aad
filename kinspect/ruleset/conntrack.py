"""Reads what conntrack knows of connections: `conntrack -L` (also `-o extended`, `-o id`) and
/proc/net/nf_conntrack. The proof of a translation: both tuples of a connection, as the node has them.

A line has an optional layer-3 name and number, the protocol with its number, the seconds left, for TCP a
state, then the original tuple, flags in brackets, and the reply tuple: `key=value` words of which the second
`src` begins the reply. Other lines are not connections, and are only counted.
Source: conntrack(8), the kernel's nf_conntrack_standalone.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from kinspect.model.meta import Fact

_FLAG = re.compile(r"\[(\w+)\]")
_PROTOCOLS = frozenset(("tcp", "udp", "sctp", "icmp", "icmpv6", "dccp", "gre", "udplite", "unknown"))
_FAMILIES = frozenset(("ipv4", "ipv6"))


class Tuple(Fact, frozen=True):
    """One direction of a connection. Ports 0 = its protocol has none."""

    src: str
    dst: str
    sport: int = 0
    dport: int = 0


class Connection(Fact, frozen=True):
    """A connection as conntrack knows it. `reply` is what the answers of the other end carry.

    `state` is TCP's, "" for others; `seconds` until it is forgotten, None = was not said.
    """

    protocol: str
    original: Tuple
    reply: Tuple
    state: str = ""
    assured: bool = False
    unreplied: bool = False
    mark: int = 0
    zone: int = 0
    seconds: int | None = None

    @property
    def destination_translated(self) -> bool:
        return (self.original.dst, self.original.dport) != (self.reply.src, self.reply.sport)

    @property
    def source_translated(self) -> bool:
        return (self.original.src, self.original.sport) != (self.reply.dst, self.reply.dport)


class Table(Fact, frozen=True):
    """The connections of a dump; `skipped` lines were none."""

    connections: tuple[Connection, ...] = ()
    skipped: int = 0

    def find(self, protocol: str, src: str, sport: int, dst: str, dport: int) -> tuple[Connection, ...]:
        """The connections whose first packet had this tuple; several in different zones."""
        wanted = Tuple(src, dst, sport, dport)
        return tuple(
            each for each in self.connections if each.protocol == protocol and each.original == wanted
        )


def read(text: str) -> Table:
    """All connections of a dump. Never raises."""
    found: list[Connection] = []
    skipped = 0
    for line in text.splitlines():
        connection = _connection(line)
        if connection is not None:
            found.append(connection)
        elif line.strip():
            skipped += 1
    return Table(tuple(found), skipped)


def _connection(line: str) -> Connection | None:
    words = line.split()
    pairs = [(key, value) for key, equals, value in (word.partition("=") for word in words) if equals]
    starts = [index for index, (key, _) in enumerate(pairs) if key == "src"]
    if len(starts) < 2:
        return None
    head = words[: next(index for index, word in enumerate(words) if "=" in word)]
    names = [word for word in head if word not in _FAMILIES]
    protocol = next((word for word in names if word in _PROTOCOLS), "")
    original, reply = _tuple(pairs[starts[0] : starts[1]]), _tuple(pairs[starts[1] :])
    if not protocol or original is None or reply is None:
        return None
    flags = set(_FLAG.findall(line))
    details = dict(pairs[starts[1] :])
    numbers = [
        int(word) for word in names[names.index(protocol) + 1 :] if word.isdecimal() and len(word) < 12
    ]
    return Connection(
        protocol=protocol,
        original=original,
        reply=reply,
        state=next((word for word in names if word.isupper() and word.replace("_", "").isalnum()), ""),
        assured="ASSURED" in flags,
        unreplied="UNREPLIED" in flags,
        mark=_number(details.get("mark", "")),
        zone=_number(details.get("zone", "")),
        seconds=numbers[1] if len(numbers) > 1 else None,
    )


def _tuple(pairs: Iterable[tuple[str, str]]) -> Tuple | None:
    """The first value of each key counts: in the reply, counters and marks follow."""
    values: dict[str, str] = {}
    for key, value in pairs:
        values.setdefault(key, value)
    if "src" not in values or "dst" not in values:
        return None
    ports = _number(values.get("sport", "")), _number(values.get("dport", ""))
    return Tuple(values["src"], values["dst"], *ports)


def _number(text: str) -> int:
    """A decimal number, 0 if it is none (an ICMP connection has no ports)."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else 0
