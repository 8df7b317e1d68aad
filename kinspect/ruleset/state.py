"""A way that is being walked: the stack of chains that the packet is in, and how it may go on. Immutable."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import msgspec

from kinspect.ruleset.model import Chain, Rule
from kinspect.ruleset.terms import Target
from kinspect.ruleset.way import Deed, Step, Way


class Frame(NamedTuple):
    """A place in a chain. `since` counts the steps that there were on entry; `chosen`: see walk.py, 5."""

    chain: Chain
    rule: int
    part: int
    since: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class State:
    """A way that is being walked: the stack, which chain of the hook comes next, and whether nat is done."""

    way: Way
    frames: tuple[Frame, ...] = ()
    next_chain: int = 0
    translated: bool = False

    def at_next_part(self) -> State:
        frame = self.frames[-1]
        return self._at(frame.rule, frame.part + 1)

    def at_next_rule(self) -> State:
        return self._at(self.frames[-1].rule + 1, 0)

    def _at(self, rule: int, part: int) -> State:
        chain, _, _, since, chosen = self.frames[-1]
        frame = Frame(chain, rule, part, since, chosen)
        return State(self.way, (*self.frames[:-1], frame), self.next_chain, self.translated)

    def doing(self, does: Deed, detail: str = "", rule: str = "") -> State:
        step = Step(self.frames[-1].chain.id, does, detail, rule)
        return self.knowing(steps=(*self.way.steps, step))

    def knowing(self, **changes: object) -> State:
        return replace(self, way=msgspec.structs.replace(self.way, **changes))

    def sharing(self, share: float) -> State:
        """This way, taken by only this share of the connections that came so far."""
        return self.knowing(share=self.way.share * share)

    def doubting(self, reason: str) -> State:
        return replace(self, way=self.way.doubting(reason))

    def translated_to(self, rule: Rule, target: Target) -> State:
        """After a DNAT, which ends the chain and the nat chains of its hook."""
        headers = self.way.headers
        port = headers.dport if target.port is None else target.port
        states = headers.states | {"dnat"}
        after = msgspec.structs.replace(headers, dst=target.address, dport=port, states=states)
        done = self.doing("dnat", f"{target.address}:{port}", rule.text).sharing(target.share)
        return replace(done.knowing(headers=after, backend=target), frames=(), translated=True)

    def remarked(self, rule: Rule, keep: int, flip: int) -> State:
        mark = self.way.headers.mark & keep ^ flip
        headers = msgspec.structs.replace(self.way.headers, mark=mark)
        return self.doing("mark", f"{mark:#x}", rule.text).knowing(headers=headers)

    def at_policy(self, chain: Chain) -> State:
        return self.knowing(steps=(*self.way.steps, Step(chain.id, "policy", "drop")))
