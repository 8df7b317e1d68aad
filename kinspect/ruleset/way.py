"""One way that a packet may take through the rules: what was done to it where, and how it ended."""

from __future__ import annotations

from typing import Literal

import msgspec

from kinspect.model.meta import Fact
from kinspect.ruleset.matching import Headers
from kinspect.ruleset.model import ChainId
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
