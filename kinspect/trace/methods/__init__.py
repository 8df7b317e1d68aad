"""Ways to mark a packet and send it. One file each; the files are the list.

A method is a generator: it yields instructions and gets their results, and so it neither opens a socket nor
waits. Its module has:

    TITLE                   what it does, in a line
    BUILDS                  whether it sends packets that Scapy builds
    suits(target) -> int    how well it suits a target: 0 = not at all; the highest is chosen
    run(target, chance)     the generator, whose return value is an Attempt

Sending needs the right to capture for every method; what else one needs, its manual says.
"""

from __future__ import annotations

import importlib
import pkgutil
import random
from collections.abc import Generator, Iterable, Mapping
from types import ModuleType
from typing import Any, Literal, NamedTuple, Protocol, cast

from kinspect.errors import UsageError
from kinspect.ruleset.conntrack import Table
from kinspect.trace.bpf import Flow, Program
from kinspect.trace.sighting import Mark, OldMark, Place
from kinspect.trace.target import Request, Target

ANSWER_DEADLINE_S = 1.7
"""How long an answer may take: a SYN is repeated after one second; silence is told before three are over."""


class Watch(NamedTuple):
    """Start to capture with this filter at every place on the way. Result: None."""

    program: Program


class Local(NamedTuple):
    """The local end of a connected socket."""

    address: str
    port: int


class Connect(NamedTuple):
    """Connect a kernel socket. Result: its Local end, or the error of the network as a Failed.

    `first` is the first sequence number to use; None = the kernel's choice.
    """

    kind: Literal["tcp", "udp"]
    address: str
    port: int
    first: int | None = None


class Failed(NamedTuple):
    """What the network answered instead: the name of an errno."""

    error: str


class Transmit(NamedTuple):
    """Send on the connected socket. Result: None or a Failed."""

    data: bytes


class Receive(NamedTuple):
    """What comes on the connected socket. Result: bytes or a Failed."""

    deadline_s: float


class Exchange(NamedTuple):
    """Send an HTTP request with a token on the connected socket. Result: an Exchanged or a Failed."""

    request: Request
    token: bytes


class Exchanged(NamedTuple):
    """The answer: its status and the beginning of its body."""

    status: int
    body: bytes


class Send(NamedTuple):
    """Send this IPv4 packet as it is. Result: None or a Failed."""

    packet: bytes


class Wait(NamedTuple):
    """Wait until an answer to the mark is seen where it was sent from. Result: its Packet, or None."""

    mark: Mark
    at_most_s: float


class Size(NamedTuple):
    """Ask how large the kernel's packets on the connected socket would be. Result: bytes, 0 = do not try."""


class ReadTables(NamedTuple):
    """Read the connection tables of all nodes for connections from this port. Result: Tables."""

    port: int


Tables = Mapping[Place, Table]
"""The connections of each node that could be asked."""

Instruction = Watch | Connect | Transmit | Receive | Exchange | Send | Wait | Size | ReadTables


class OldSegments(NamedTuple):
    """Two segments of old data, a small one and a large, and the size of the large one's packet."""

    small: OldMark
    large: OldMark
    size: int


class Attempt(NamedTuple):
    """How it went. `mark` None = this process may not mark connections, so only the outcome is known.

    `token`: what to look for in the payloads of other connections, b"" = nothing. `tables`: what the kernels
    know of the connection from `local`, in place of sightings; None = they were not asked. `error`: what the
    kernel said in place of sending, by the name of its errno. `large`: what was sent beside, None = nothing.
    """

    mark: Mark | None
    outcome: Literal["answered", "refused", "silent", "unreachable"]
    token: bytes = b""
    note: str = ""
    local: Local | None = None
    tables: Tables | None = None
    error: str = ""
    large: OldSegments | None = None


Steps = Generator[Instruction, Any, Attempt]


class Method(Protocol):
    """What a module of this room has."""

    TITLE: str
    BUILDS: bool

    def suits(self, target: Target) -> int: ...

    def run(self, target: Target, flows: Iterable[Flow], chance: random.Random) -> Steps: ...


def load() -> dict[str, Method]:
    """Every method by its name, such as "marked connect"."""
    found: dict[str, Method] = {}
    for each in pkgutil.iter_modules(__path__):
        module: ModuleType = importlib.import_module(f"{__name__}.{each.name}")
        found[each.name.replace("_", " ")] = cast(Method, module)
    return found


def choose(name: str | None, target: Target) -> tuple[str, Method]:
    """The method of that name, or the one that suits the target best. Raises UsageError."""
    methods = load()
    if name is None:
        best = max(methods, key=lambda each: methods[each].suits(target))
        return best, methods[best]
    wanted = name.replace("-", " ").replace("_", " ")
    if wanted not in methods:
        raise UsageError(f"There is no method {name!r}.", f"Methods: {', '.join(methods)}.")
    if not methods[wanted].suits(target):
        able = ", ".join(each for each in methods if methods[each].suits(target))
        raise UsageError(
            f"The method {wanted!r} cannot reach {target.text} ({target.protocol}).",
            f"It is {methods[wanted].TITLE}. Those that can: {able}.",
        )
    return wanted, methods[wanted]


def outcome_of(error: str) -> Literal["refused", "silent", "unreachable"]:
    """What an errno of a connection attempt means."""
    if error in ("ECONNREFUSED", "ECONNRESET", "EPIPE"):
        return "refused"
    return "silent" if error == "ETIMEDOUT" else "unreachable"


def failed(result: Failed, mark: Mark | None = None, note: str = "") -> Attempt:
    """The attempt that ended with this error of the network."""
    why = f"the connection ended with {result.error}; {note}" if note else ""
    return Attempt(mark, outcome_of(result.error), note=why, error=result.error)


def first_sequence(chance: random.Random) -> int:
    """A first sequence number that neither it nor its window wraps around."""
    return chance.randrange(0x10000000, 0xF0000000)
