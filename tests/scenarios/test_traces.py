"""Every kind of Service, traced from a pod, a node and outside: the packets go where the objects say.

Here the whole trace is on trial: finding the places, the marks, the captures, the prediction beside them, and
the node's rules. What the kernel really did is judged by the predictions' own tests.
"""

from __future__ import annotations

import asyncio

from kinspect.asks.ground import opened
from kinspect.asks.trace import TraceAsk, trace_on
from kinspect.errors import VantageLost
from kinspect.model.path import Trace
from kinspect.model.snapshot import Snapshot

from .cases import Case, cases
from .ground import Ground, snapshot

CLIENTS = ("client", "node/node1", "pod/scenarios/a1")
NOBODY_LISTENS = "EPS301"
OBJECTS_ALONE = "1"
"""The digit of the rules that need no packets."""


def _one_of_each(found: list[Case]) -> list[Case]:
    """One case for each client, Service and kind of way: the first."""
    chosen: dict[object, Case] = {}
    for case in found:
        if case.way.service.namespace == "scenarios" and case.way.port.protocol in ("TCP", "UDP"):
            chosen.setdefault((case.client, case.way.service, case.way.kind), case)
    return list(chosen.values())


def test_traces_go_where_the_objects_say(ground: Ground) -> None:
    now = snapshot(ground)
    told = asyncio.run(_all(now, _one_of_each(cases(now, CLIENTS, dict(ground.modes)))))
    wrong = [f"{case}: {said}" for case, trace in told if (said := _wrong(trace))]
    assert len(told) > 20
    assert not wrong, "\n".join(wrong)


async def _all(now: Snapshot, asked: list[Case]) -> list[tuple[Case, Trace]]:
    told = []
    async with opened(now, sudo=False) as places:
        for case in asked:
            target = f"{case.way.address}:{case.way.number}"
            ask = TraceAsk(target, case.client, protocol=case.way.port.protocol)
            try:
                told.append((case, (await trace_on(places, now, ask)).trace))
            except VantageLost:
                assert case.client == "client"  # on a real cluster nobody declares what is outside of it
    return told


def _wrong(told: Trace) -> str:
    """What a trace says that should not be; "" = nothing. That nobody listens on a port is told as such."""
    objects = told.verdict != "delivered"  # of a Service that nobody is behind, these say why
    codes = {each.code for each in told.causes if not (objects and each.code[3:4] == OBJECTS_ALONE)}
    if codes == {NOBODY_LISTENS} and told.verdict == "refused":
        return ""
    if told.divergence is not None:
        return f"expected {told.divergence.expected}, seen {told.divergence.seen} {sorted(codes)}"
    if codes:
        return f"delivered, and yet {sorted(codes)}: {told.causes[0].message}"
    return "" if told.verdict != "unknown" and not told.lost else f"{told.verdict}, {told.lost} lost"
