"""Walks a packet through chains, one part of a rule at a time, parting the way where chance decides.

The theory is in walk.py. A State is immutable: what parts the way puts one more into `_pending`.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from kinspect.ruleset.matching import Node, found, holds
from kinspect.ruleset.model import Chain, ChainId, Rule, Ruleset
from kinspect.ruleset.state import Frame, State
from kinspect.ruleset.terms import (
    MATCHES,
    Action,
    AddressIs,
    Chance,
    Jump,
    Lookup,
    Masquerade,
    Match,
    Member,
    Part,
    Pick,
    PortIs,
    Remember,
    Remembered,
    SetMark,
    Translate,
    Unknown,
    Verdict,
)
from kinspect.ruleset.way import End, Way

_DEEPEST = 32
_MOST_STEPS = 500
_NEGLIGIBLE = 1e-9
_MOST_WAYS = 10_000
_MOST_PARTS = 1_000_000


class Walk:
    """Walks these chains one after the other. `_pending` are the ways that are not at their end yet.

    `memory` = clients that the rules remember are sent where they were sent before.
    """

    def __init__(self, ruleset: Ruleset, node: Node, chains: tuple[Chain, ...], memory: bool) -> None:
        self._ruleset = ruleset
        self._node = node
        self._chains = chains
        self._memory = memory
        self._pending: list[State] = []
        self._done: list[Way] = []
        self._budget = _MOST_PARTS

    def run(self, ways: tuple[Way, ...]) -> tuple[Way, ...]:
        """What becomes of these ways, within one budget for all; those that have ended stay."""
        self._done = [way for way in reversed(ways) if way.end != "accept"]
        self._pending = [State(way) for way in ways if way.end == "accept"]
        while self._pending:
            state = self._pending.pop()
            if self._budget <= 0 or len(self._done) + len(self._pending) > _MOST_WAYS:
                self._finish(state.doubting("the rules are more than could be followed"), "unknown")
            else:
                self._advance(state)
        return tuple(reversed(self._done))

    def _advance(self, state: State) -> None:
        """Walks on until the way ends or parts."""
        next_state: State | None = state
        while next_state is not None and self._budget > 0:
            self._budget -= 1
            state = next_state
            next_state = self._one_part(state) if state.frames else self._next_chain(state)
        if next_state is not None:
            self._pending.append(next_state)

    def _next_chain(self, state: State) -> State | None:
        if state.next_chain >= len(self._chains):
            self._finish(state, "accept")
            return None
        chain = self._chains[state.next_chain]
        state = replace(state, next_chain=state.next_chain + 1)
        is_nat = chain.hook is not None and chain.hook.kind == "nat"
        if is_nat and (state.translated or "new" not in state.way.headers.states):
            return state
        return replace(state, frames=(Frame(chain, 0, 0, len(state.way.steps), False),))

    def _one_part(self, state: State) -> State | None:
        frame = state.frames[-1]
        if frame.rule >= len(frame.chain.rules):
            return self._leave(state, fell=True)
        rule = frame.chain.rules[frame.rule]
        if frame.part >= len(rule.parts):
            return state.at_next_rule()
        part = rule.parts[frame.part]
        if isinstance(part, MATCHES):
            return self._match(state, rule, part)
        return self._act(state.at_next_part(), rule, part)

    def _match(self, state: State, rule: Rule, match: Match) -> State | None:
        if isinstance(match, Chance) and 0 < match.probability < 1:
            self._pending.append(state.at_next_rule().sharing(1 - match.probability))
            return state.at_next_part().sharing(match.probability)
        if isinstance(match, Chance):
            return state.at_next_part() if match.probability else state.at_next_rule()
        if isinstance(match, Remembered) or (not self._memory and self._is_memory(state, match)):
            return state.at_next_rule()
        answer = self._holds(match, state)
        if answer is None and self._matters(state, rule):
            return state.at_next_rule().doubting(f"whether this holds: {rule.text}")
        return state.at_next_part() if answer else state.at_next_rule()

    def _is_memory(self, state: State, match: Match) -> bool:
        """Whether this asks for a client that a rule noted, in a set that forgets."""
        if not isinstance(match, Member):
            return False
        table = state.frames[-1].chain.id.table
        container = self._ruleset.containers.get(ChainId(table, match.container))
        return container is not None and container.timeout_s is not None

    def _holds(self, match: Match, state: State) -> bool | None:
        table = state.frames[-1].chain.id.table
        return holds(match, state.way.headers, self._node, self._ruleset, table)

    def _matters(self, state: State, rule: Rule) -> bool:
        """Whether a rule with a match that cannot be judged could do anything to this packet."""
        rest = rule.parts[state.frames[-1].part + 1 :]
        if any(isinstance(each, MATCHES) and self._holds(each, state) is False for each in rest):
            return False
        return any(not (isinstance(each, MATCHES) or _is_passing(each)) for each in rest)

    def _act(self, state: State, rule: Rule, action: Action) -> State | None:
        match action:
            case Jump() | Verdict():
                return self._go(state, rule, action, chosen=_speaks_of_the_packet(rule))
            case Pick(options):
                self._part(state, sum(share for share, _ in options))
                for share, option in options:
                    parted = self._go(state.sharing(share), rule, option, chosen=True)
                    self._pending += [parted] if parted is not None else []
                return None
            case Lookup():
                return self._look_up(state, rule, action)
            case Translate(targets):
                self._part(state, sum(each.share for each in targets))
                self._pending += [state.translated_to(rule, each) for each in targets]
                return None
            case Masquerade(address):
                done = state.doing("masquerade", address, rule.text).knowing(masqueraded=True)
                return replace(done, frames=(), translated=True)
            case SetMark(keep, flip):
                return state.remarked(rule, keep, flip)
            case Remember(name):
                return state.doing("remember", name, rule.text)
            case Unknown(text):
                return state.doubting(f"what this does: {rule.text or text}")

    def _part(self, state: State, chosen: float) -> None:
        """Random numbers that nothing is chosen for go on with the next rule."""
        if 1 - chosen > _NEGLIGIBLE:
            self._pending.append(state.at_next_rule().sharing(1 - chosen))

    def _look_up(self, state: State, rule: Rule, lookup: Lookup) -> State | None:
        table = state.frames[-1].chain.id.table
        container = self._ruleset.containers.get(ChainId(table, lookup.container))
        if container is None:
            return state.doubting(f"the map {lookup.container} is not in the dump")
        element = found(container, lookup.fields, state.way.headers)
        option = None if element is None else container.elements[element]
        return state if option is None else self._go(state, rule, option, chosen=True)

    def _go(self, state: State, rule: Rule, to: Jump | Verdict, chosen: bool) -> State | None:
        if isinstance(to, Jump):
            return self._enter(state, rule, to, chosen)
        if to.name in ("drop", "reject"):
            self._finish(state.doing(to.name, to.detail, rule.text), to.name)
            return None
        if to.name == "accept":
            return replace(state.doing("accept", "", rule.text), frames=())
        return self._leave(state, fell=False) if to.name == "return" else state

    def _enter(self, state: State, rule: Rule, jump: Jump, chosen: bool) -> State | None:
        frame = state.frames[-1]
        chain = self._ruleset.chains.get(ChainId(frame.chain.id.table, jump.chain))
        if chain is None:
            return state.doubting(f"the chain {jump.chain} is not in the dump")
        if len(state.frames) >= _DEEPEST or len(state.way.steps) >= _MOST_STEPS:
            self._finish(state.doubting(f"the jumps do not end at {jump.chain}"), "unknown")
            return None
        state = state.doing("jump" if jump.returns else "goto", jump.chain, rule.text)
        entered = Frame(chain, 0, 0, len(state.way.steps), chosen or frame.chosen)
        below = state.frames if jump.returns else state.frames[:-1]
        return replace(state, frames=(*below, entered))

    def _leave(self, state: State, fell: bool) -> State | None:
        """Ends a chain; a hooked one with its policy."""
        frame = state.frames[-1]
        nothing_happened = len(state.way.steps) == frame.since
        if nothing_happened and fell and frame.chosen:
            state = state.doing("falls off")
        elif nothing_happened and frame.since and frame.chain.hook is None:
            state = state.knowing(steps=state.way.steps[:-1])
        if len(state.frames) > 1:
            return replace(state, frames=state.frames[:-1])
        hook = self._chains[state.next_chain - 1].hook
        if hook and hook.policy == "drop":
            self._finish(state.at_policy(self._chains[state.next_chain - 1]), "drop")
            return None
        return replace(state, frames=())

    def _finish(self, state: State, end: End) -> None:
        self._done.append(msgspec.structs.replace(state.way, end=end))


def _is_passing(part: Part) -> bool:
    return isinstance(part, Verdict) and part.name == "continue"


def _speaks_of_the_packet(rule: Rule) -> bool:
    """Whether a rule was meant for this address or port, rather than for all packets."""
    return any(isinstance(each, AddressIs | PortIs) for each in rule.parts)
