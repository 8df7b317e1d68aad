"""An ordinary connection of the kernel whose first sequence number we set: handshake, no data, closed.

The most faithful way: connect-time balancers see it, policies judge it, the server accepts it. The number is
set by TCP_REPAIR, which needs NET_ADMIN in the network namespace. Without that the connection is made all the
same, but unmarked: then only its outcome is known.

Beside it a packet as large as the kernel's own goes the same way (`large`). The application gets none of it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from kinspect.errors import NotPermitted
from kinspect.trace import bpf, large
from kinspect.trace.methods import Attempt, Connect, Failed, Steps, Watch, failed, first_sequence
from kinspect.trace.sighting import SequenceMark
from kinspect.trace.target import Target

TITLE = "an ordinary TCP connection, marked by its first sequence number (needs NET_ADMIN)"
BUILDS = False


def suits(target: Target) -> int:
    return 2 if target.protocol == "TCP" else 0


def run(target: Target, flows: Iterable[bpf.Flow], chance: random.Random) -> Steps:
    first = first_sequence(chance)
    yield Watch(bpf.marked_connection(first))
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
    return Attempt(mark, "answered", note=note, large=sent)
