"""An ordinary connection, found again in the connection tables of the nodes.

The proof by the kernel itself: both tuples of the flow on every node that tracks it. Needs no capture and no
mark, only the right to read the tables. It shows translations, but neither links nor times.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from kinspect.trace.bpf import Flow
from kinspect.trace.methods import Attempt, Connect, Failed, ReadTables, Steps, failed
from kinspect.trace.target import Target

TITLE = "an ordinary TCP connection, read back from the nodes' connection tables"
BUILDS = False


def suits(target: Target) -> int:
    return 1 if target.protocol == "TCP" else 0


def run(target: Target, flows: Iterable[Flow], chance: random.Random) -> Steps:
    result = yield Connect("tcp", target.address, target.number)
    if isinstance(result, Failed):
        return failed(result, note=f"no connection: {result.error}")
    tables = yield ReadTables(result.port)
    note = "" if tables else "no node's connection table could be read"
    return Attempt(None, "answered", note=note, local=result, tables=tables)
