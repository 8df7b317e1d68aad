"""One way that a packet may take through the rules: what was done to it where, and how it ended."""

from __future__ import annotations

from typing import Literal

import msgspec

from kinspect.model.meta import Fact
from kinspect.ruleset.matching import Headers
from kinspect.ruleset.model import ChainId
from kinspect.ruleset.names import iptables_name, nftables_name
from kinspect.ruleset.terms import Target

End = Literal["accept", "drop", "reject", "unknown"]

Deed = Literal[
    "jump",
    "goto",
    "mark",
    "dnat",
    "masquerade",
    "remember",
    "accept",
    "drop",
    "reject",
    "policy",
    "falls off",
]


class Step(Fact, frozen=True):
    """One thing that a chain does to the packet. `rule` is its text, "" for a policy or the end of a chain.

    `detail` is the chain that it leads to, the new address, or the mark.
    """

    chain: ChainId
    does: Deed
    detail: str = ""
    rule: str = ""


class Way(Fact, frozen=True):
    """One way through the rules. `end` "accept" = the packet goes on, with `headers` as they are then.

    `backend` is what a DNAT chose; `masqueraded` that its source is replaced. `doubts` say which matches
    could not be judged: with any, the way is a guess.
    """

    share: float
    headers: Headers
    end: End = "accept"
    steps: tuple[Step, ...] = ()
    backend: Target | None = None
    masqueraded: bool = False
    doubts: tuple[str, ...] = ()

    @property
    def chains(self) -> tuple[ChainId, ...]:
        """The chains in which something happened, in order."""
        return tuple(dict.fromkeys(step.chain for step in self.steps))

    def doubting(self, reason: str) -> Way:
        return msgspec.structs.replace(self, doubts=tuple(dict.fromkeys((*self.doubts, reason))))


def falls(way: Way) -> list[Step]:
    """Where the packet fell off of a chain. A firewall's chain ends so for all that it lets pass."""
    return [
        step
        for step in way.steps
        if step.does == "falls off" and not step.chain.name.startswith(("KUBE-FW-", "firewall-"))
    ]


def ended_in(way: Way) -> ChainId | None:
    """The chain in which a packet was last that nothing has translated; None = no chain was meant for it.

    A chain that has marked the packet is not fallen off of, though nothing else followed: then the jump into
    it tells.
    """
    fallen = falls(way)
    for step in reversed(way.steps):
        if step in fallen:
            return step.chain
        if step.does in ("jump", "goto") and _chooses(step.detail):
            return ChainId(step.chain.table, step.detail)
    return None


def _chooses(chain: str) -> bool:
    """Whether a chain by this name should lead to a backend: it is a Service port's, or an endpoint's."""
    named = iptables_name(chain) or nftables_name(chain)
    return named is not None and named.kind != "firewall"
