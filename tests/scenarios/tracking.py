"""What became of a connection: events of connection tracking, followed from node to node.

An entry has two tuples: as the first packet came, and as its reply comes back. The reply's source is where
the connection was sent (after DNAT), the reply's destination is whom the other side sees (after SNAT).
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import NamedTuple

from . import connector
from .ground import Ground, run

_TUPLE = re.compile(r"src=(\S+) dst=(\S+) (?:type=\d+ code=\d+ id=\d+|sport=(\d+) dport=(\d+))")


class End(NamedTuple):
    """One end of a connection."""

    address: str
    port: int


class Flow(NamedTuple):
    """A connection as one side of a node sees it."""

    protocol: str
    source: End
    target: End


class Tracking:
    """Every connection that the nodes have begun to track since `watch` was entered."""

    def __init__(self, nodes: list[str]) -> None:
        self._became: dict[str, dict[Flow, Flow]] = {node: {} for node in nodes}
        self._news = threading.Condition()

    def read(self, node: str, lines: Iterator[str]) -> None:
        """Takes in the output of `conntrack -E -e NEW` on a node until it ends."""
        for line in lines:
            ends = [(End(s, int(p)), End(d, int(q))) for s, d, p, q in _TUPLE.findall(line) if p]
            if len(ends) == 2:
                (source, target), (answering, seen) = ends
                protocol = "UDP" if " udp " in line else "TCP"
                with self._news:
                    flows = self._became[node]
                    flows[Flow(protocol, source, target)] = Flow(protocol, seen, answering)
                    self._news.notify_all()

    def followed(self, flow: Flow) -> Flow:
        """The connection after every node that it crossed: its target is who got it."""
        left = dict(self._became)
        while True:
            for node, flows in left.items():
                if (after := flows.get(flow)) is not None:
                    del left[node]
                    flow = after
                    break
            else:
                return flow

    def await_flow(self, node: str, flow: Flow) -> None:
        """Returns once a node has told of this flow, and so of all before it. Raises AssertionError."""
        with self._news:
            assert self._news.wait_for(lambda: flow in self._became[node], timeout=20), (
                f"{node} does not tell of {flow}"
            )


@contextlib.contextmanager
def watch(ground: Ground) -> Iterator[Tracking]:
    """Follows all nodes while the block runs."""
    tracking = Tracking(list(ground.modes))
    with contextlib.ExitStack() as stack:
        for node in ground.modes:
            # What is still remembered of an earlier datagram would swallow one with the same tuple.
            forget = [*ground.within(f"node/{node}"), "conntrack", "-D", "-p", "udp"]
            subprocess.run(forget, capture_output=True, check=False)  # fails when there is none
            listening = stack.enter_context(
                subprocess.Popen(
                    [*ground.within(f"node/{node}"), "conntrack", "-E", "-e", "NEW", "-b", "4194304"],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
            )
            stack.callback(listening.terminate)
            assert listening.stdout
            reader = threading.Thread(target=tracking.read, args=(node, listening.stdout), daemon=True)
            reader.start()
        for node in ground.modes:
            catch_up(ground, tracking, node)
        yield tracking


def catch_up(ground: Ground, tracking: Tracking, node: str) -> None:
    """Waits until the node has told of everything so far: it tells in order, so one more flow is enough.

    Raises AssertionError.
    """
    for _ in range(20):
        case = [{"id": 0, "protocol": "UDP", "address": "127.0.0.1", "port": 9}]
        said = run(ground, f"node/{node}", [sys.executable, str(connector.__file__), "1"], json.dumps(case))
        source = End(*json.loads(said)["source"])
        try:
            tracking.await_flow(node, Flow("UDP", source, End("127.0.0.1", 9)))
        except AssertionError:
            continue  # the listener had not yet begun to listen
        return
