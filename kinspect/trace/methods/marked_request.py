"""An HTTP request with a token in a header, on a marked connection.

The connection is known by its first sequence number, like a marked connect. An L7 proxy ends it and opens one
of its own, whose numbers nobody knows: there the token is looked for in the payload, and joins the two.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from kinspect.errors import NotPermitted
from kinspect.trace import bpf, large
from kinspect.trace.methods import (
    Attempt,
    Connect,
    Exchange,
    Failed,
    Steps,
    Watch,
    failed,
    first_sequence,
    outcome_of,
)
from kinspect.trace.sighting import SequenceMark
from kinspect.trace.target import Target

TITLE = "an HTTP request with a token header, followed through an L7 proxy"
BUILDS = False


def suits(target: Target) -> int:
    return 3 if target.request is not None else 0


def run(target: Target, flows: Iterable[bpf.Flow], chance: random.Random) -> Steps:
    assert target.request is not None
    first = first_sequence(chance)
    token = b"kn%028x" % chance.getrandbits(112)
    yield Watch(bpf.marked_connection(first, flows))
    mark: SequenceMark | None = SequenceMark(first)
    note = ""
    try:
        result = yield Connect("tcp", target.address, target.number, first)
    except NotPermitted as error:
        mark, note = None, f"the connection is not marked: {error.message}. {error.hint}"
        result = yield Connect("tcp", target.address, target.number)
    if isinstance(result, Failed):
        return failed(result, mark, note)
    sent = (yield from large.send(result, target, first)) if mark else None
    answer = yield Exchange(target.request, token)
    if isinstance(answer, Failed):
        told = note or "connected, but the request got no answer"
        return Attempt(mark, outcome_of(answer.error), token, told, large=sent)
    return Attempt(mark, "answered", token, note or f"HTTP {answer.status}", large=sent)
