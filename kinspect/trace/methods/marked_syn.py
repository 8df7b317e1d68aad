"""A SYN of our own making: no connection comes about, so no data and no accepted connection reach anybody.

The kernel knows nothing of it, so it answers the SYN-ACK by a RST, which closes the half-open connection at
the server at once. Connect-time balancers (eBPF) do not see it: it is not a connect. Needs NET_RAW.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from kinspect.trace import bpf, dissect
from kinspect.trace.methods import (
    ANSWER_DEADLINE_S,
    Attempt,
    Connect,
    Failed,
    Send,
    Steps,
    Wait,
    Watch,
    failed,
    first_sequence,
)
from kinspect.trace.sighting import SequenceMark
from kinspect.trace.target import Target

TITLE = "a SYN built by hand, marked by its sequence number; no data reaches the application"
BUILDS = True


def suits(target: Target) -> int:
    return 1 if target.protocol == "TCP" else 0


def run(target: Target, flows: Iterable[bpf.Flow], chance: random.Random) -> Steps:
    first = first_sequence(chance)
    mark = SequenceMark(first)
    yield Watch(bpf.marked_connection(first))
    # An unused UDP socket tells which source address the routes choose, and sends nothing.
    source = yield Connect("udp", target.address, target.number)
    if isinstance(source, Failed):
        return failed(source, mark)
    sport = chance.choice(dissect.EPHEMERAL)
    result = yield Send(dissect.syn(source.address, sport, target.address, target.number, first))
    if isinstance(result, Failed):
        return failed(result, mark)
    answered = yield Wait(mark, ANSWER_DEADLINE_S)
    return Attempt(mark, "answered" if answered else "silent")
