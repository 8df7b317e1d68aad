"""The path that a packet took beside the one that it should have taken: what a trace answers, as JSON has it.

Every key is always present, null = none, lists are never null; fields are added, never changed.
"""

from __future__ import annotations

from typing import Literal

import msgspec

SCHEMA = "kinspect/trace/v1"

Direction = Literal["original", "reply"]
Verdict = Literal["delivered", "refused", "dropped", "unknown"]
Action = Literal[
    "sent",
    "received",
    "routed",
    "dnat",
    "snat",
    "masquerade",
    "encapsulated",
    "decapsulated",
    "proxied",
    "delivered",
    "rejected",
    "dropped",
]
"""In the reply direction dnat, snat and masquerade mean that this translation is undone."""

MatchedBy = Literal["sequence", "acknowledgement", "quoted", "token", "ports", "kernel"]
"""How a sighting was joined to the flow: by its first sequence number, by the acknowledgement of it, by what
an ICMP error quotes, by the token in its payload, by the reversed addresses and ports, by the kernel's table.
"""


class Told(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The root of what is told to machines: no key is ever left out."""


class At(Told, frozen=True):
    """A place: `name` is namespace/name for a pod."""

    kind: Literal["node", "pod", "declared"]
    name: str


class Address(Told, frozen=True):
    """One end of a packet. `address` "" = any of several, or not known; `port` None = whatever it is."""

    address: str
    port: int | None


class Encapsulation(Told, frozen=True):
    type: str
    src: str
    dst: str
    id: int


class Predicted(Told, frozen=True):
    actions: tuple[Action, ...]
    src: Address
    dst: Address


class Because(Told, frozen=True):
    """What decides: the object and its field, and the node's rule or chain ("" = was not read)."""

    object: str
    field: str
    rule: str


class Hop(Told, frozen=True):
    """One sighting, or a hop that was only predicted: then everything observed is None or empty.

    `icmp` is what an ICMP error says, such as "host unreachable".
    `time_ns` counts from the first sighting; None = another clock, or not seen.
    `agrees` None = nothing was predicted, or nothing was seen.
    """

    direction: Direction
    place: At
    interface: str | None = None
    way: Literal["in", "out"] | None = None
    actions: tuple[Action, ...] = ()
    src: Address | None = None
    dst: Address | None = None
    encapsulation: Encapsulation | None = None
    icmp: str | None = None
    ttl: int | None = None
    time_ns: int | None = None
    matched_by: MatchedBy | None = None
    predicted: Predicted | None = None
    agrees: bool | None = None
    because: Because | None = None


class Path(Told, frozen=True):
    """One way that packets took, and the share of them that took it."""

    share: float
    hops: tuple[Hop, ...]


class Divergence(Told, frozen=True):
    """The first hop where prediction and observation part: `path` and `hop` count from 0.

    `findings` are the codes of the likely causes, the likeliest first; () = none was found.
    """

    path: int
    hop: int
    expected: str
    seen: str
    findings: tuple[str, ...]


class Unseen(Told, frozen=True):
    """A place that packets may have passed where nobody could look."""

    place: At
    reason: str


class Served(Told, frozen=True):
    """The backend that the packet was delivered to. `pod` is namespace/name, "" when it is no known pod."""

    address: str
    port: int
    pod: str
    node: str


class Cause(Told, frozen=True):
    """A likely cause of a divergence: its code, and what was seen that points to it."""

    code: str
    place: At
    message: str
    fix: str


class Large(Told, frozen=True):
    """What became of a packet as large as the sender's own, of `size` bytes and not to be fragmented.

    `refused`: the sender was told by ICMP that it is too large, which mends it; `dropped`: it was not told.
    `place` and `interface` are where the packet was seen last ("" = it did not leave), `told_by` where an
    ICMP message was seen first (None = nowhere) and `mtu` the size that it allows (None = it does not say).
    """

    size: int
    verdict: Verdict
    place: At
    interface: str
    told_by: At | None
    mtu: int | None


class Trace(Told, frozen=True):
    """The whole answer. `lost` counts marked packets that a capture had no room for.

    `large` None = it was not tried, or nothing can be said.
    """

    target: str
    vantage: str
    method: str
    verdict: Verdict
    backend: Served | None
    paths: tuple[Path, ...]
    divergence: Divergence | None
    unseen: tuple[Unseen, ...]
    lost: int
    causes: tuple[Cause, ...] = ()
    notes: tuple[str, ...] = ()
    large: Large | None = None
    schema: str = SCHEMA


def encode(trace: Trace) -> bytes:
    """The JSON text, with the schema first."""
    told = msgspec.to_builtins(trace)
    return msgspec.json.format(msgspec.json.encode({"schema": told.pop("schema"), **told}), indent=2)
