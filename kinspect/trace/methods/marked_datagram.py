"""A UDP datagram that opens with a token. To port 53 it is a DNS query whose name holds the token.

A datagram need not be answered: silence is no proof of loss, what was seen on the way is. It is sent by an
ordinary socket.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from kinspect.trace import bpf, dissect
from kinspect.trace.methods import (
    Attempt,
    Connect,
    Failed,
    Receive,
    Steps,
    Transmit,
    Watch,
    failed,
    outcome_of,
)
from kinspect.trace.sighting import TokenMark
from kinspect.trace.target import Target

TITLE = "a UDP datagram, marked by a token in its payload"
BUILDS = False
DNS_PORT = 53


def suits(target: Target) -> int:
    return 2 if target.protocol == "UDP" else 0


def run(target: Target, flows: Iterable[bpf.Flow], chance: random.Random) -> Steps:
    token = b"kn%014x" % chance.getrandbits(56)
    payload = dissect.query(token) if target.number == DNS_PORT else token
    mark = TokenMark(token)
    asked = bpf.Flow(target.address, target.number)
    yield Watch(bpf.marked_datagram(payload, [asked, *flows]))
    result = yield Connect("udp", target.address, target.number)
    if isinstance(result, Failed):
        return failed(result, mark)
    yield Transmit(payload)
    answer = yield Receive(1.0)
    if isinstance(answer, Failed):
        return Attempt(mark, outcome_of(answer.error))
    return Attempt(mark, "answered")
