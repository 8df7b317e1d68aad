"""The fault list: what breaks on a node, what then is traced, and what must be said of it on every ground.

In texts, `{here}` is the number of the broken node and `{there}` that of the other one: node1 and node2.
"""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """`place` is where it is, `code` the first cause that must be named for it.

    `parts` False = packets do as predicted all the same. `rules`: what breaks are the proxy's own rules, in
    each mode in another way. `tunnel`: only where pods are joined by one.
    """

    name: str
    target: str
    vantage: str
    place: str
    code: str
    parts: bool = True
    rules: bool = False
    tunnel: bool = False

    def on(self, here: int) -> Fault:
        """The same with its texts filled in."""
        filled = (text.format(here=here, there=3 - here) for text in (self.target, self.vantage, self.place))
        return self._replace(**dict(zip(("target", "vantage", "place"), filled, strict=True)))


PAIR, HERE, THERE = "svc/a-pair", "svc/at-{here}", "svc/at-{there}"
NODE_PORT = "node/node{here}:3007"
POD, CLIENT = "pod/faults/client-{here}", "client"
NODE = "node{here}"

FAULTS = (
    Fault("chain-emptied", PAIR, POD, NODE, "NAT304", rules=True),
    Fault("stale-backend", PAIR, POD, NODE, "NAT305", rules=True),
    Fault("missing-backend", PAIR, POD, NODE, "NAT306", rules=True, parts=False),
    Fault("lost-jump", THERE, POD, NODE, "NAT302", rules=True),
    Fault("lost-entrance", PAIR, POD, NODE, "NAT303", rules=True),
    Fault("rules-gone", THERE, POD, NODE, "NAT301", rules=True),
    Fault("masquerade-missing", NODE_PORT + "{there}", CLIENT, NODE, "NAT309", rules=True),
    Fault("forward-drop", THERE, POD, NODE, "NOD302"),
    Fault("node-port-firewall", NODE_PORT + "0", CLIENT, NODE, "NOD302"),
    Fault("fdb-entry-missing", THERE, POD, NODE, "NOD304", tunnel=True),
    Fault("route-missing", THERE, POD, NODE, "NOD303"),
    Fault("ip-forward-off", THERE, POD, NODE, "NOD301"),
    Fault("reverse-path-filter", NODE_PORT + "{there}", CLIENT, NODE, "NOD305"),
    Fault("mtu-hole", THERE, POD, NODE, "NOD307", parts=False),
    Fault("listener-on-loopback", HERE, POD, "faults/pair-{here}", "EPS302"),
    Fault("hairpin-off", HERE, "pod/faults/pair-{here}", NODE, "NOD309"),
    Fault("pod-link-down", HERE, POD, NODE, "NOD306"),
)
