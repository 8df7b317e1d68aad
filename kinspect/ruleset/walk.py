"""What the rules of a node do to the first packet of a connection: every way it may take, with its share.

Theory of operation:

1. At a hook the kernel calls the chains in the order of their priorities. A chain's verdict "accept" ends
   that chain only; the next one at the hook is called. "drop" and "reject" end everything.
2. A jump puts a frame on a stack, a goto replaces the one on top. A chain that ends takes the frame below
   up again, a hooked one ends with its policy. A translation ends the nat chains of its hook.
3. A random choice parts the way in two or more, each with its share. What sticks to a remembered client is
   passed by in iptables mode, where the dump does not tell who is remembered.
4. A match that nobody can judge is taken not to hold, and the way is doubtful from there on, with the reason.
5. A chain that was chosen for this packet's address or port, and in which nothing happens to it, is said to
   be fallen off of: that is how an emptied chain shows. Other jumps that led to nothing are forgotten.
6. All work is bounded: jumps by the depth of the stack, ways and rules by a budget.

Source: nft(8), iptables(8), and the order of the netfilter hooks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

import msgspec

from kinspect.ruleset.matching import Headers, Node, found, holds
from kinspect.ruleset.model import Chain, ChainId, HookName, Rule, Ruleset
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

Origin = Literal["network", "node"]
"""Whether the packet comes in by an interface, or from a process on the node itself."""


def journey(ruleset: Ruleset, headers: Headers, node: Node, origin: Origin = "network") -> tuple[Way, ...]:
    """All ways through the node: in or out of it, or across, with the routing decision in between."""
    first = walk(ruleset, headers, "prerouting" if origin == "network" else "output", node)
    hooks: tuple[HookName, ...]
    after: list[Way] = []
    for way in first:
        local = node.owns(way.headers.dst)
        if origin == "node":
            hooks = ("postrouting",)
        else:
            hooks = ("input",) if local else ("forward", "postrouting")
            if local is None and way.end == "accept":
                way = way.doubting(f"whether {way.headers.dst} is an address of the node")
        ways: tuple[Way, ...] = (way,)
        for hook in hooks:
            ways = tuple(last for each in ways for last in _on(ruleset, each, node, hook))
        after += ways
    return tuple(after)


def walk(ruleset: Ruleset, headers: Headers, hook: HookName, node: Node) -> tuple[Way, ...]:
    """The ways through one hook; their shares add up to 1."""
    return _on(ruleset, Way(1.0, headers), node, hook)


def walk_chain(ruleset: Ruleset, headers: Headers, chain: ChainId, node: Node) -> tuple[Way, ...]:
    """The ways through one chain alone, as if it were hooked; none if there is no such chain."""
    found = ruleset.chains.get(chain)
    return _Walk(ruleset, node, (found,), Way(1.0, headers)).run() if found else ()


def _on(ruleset: Ruleset, way: Way, node: Node, hook: HookName) -> tuple[Way, ...]:
    """The ways that continue one that goes on; a way that has ended stays as it is."""
    if way.end != "accept":
        return (way,)
    chains = ruleset.hooked(hook, "ip6" if ":" in way.headers.dst else "ip")
    return _Walk(ruleset, node, chains, way).run()


class _Walk:
    """Walks these chains one after the other. `_pending` are the ways that are not at their end yet."""

    def __init__(self, ruleset: Ruleset, node: Node, chains: tuple[Chain, ...], way: Way) -> None:
        self._ruleset = ruleset
        self._node = node
        self._chains = chains
        self._pending = [State(way)]
        self._done: list[Way] = []
        self._budget = _MOST_PARTS

    def run(self) -> tuple[Way, ...]:
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
            return state.at(frame._replace(rule=frame.rule + 1, part=0))
        part = rule.parts[frame.part]
        onwards = state.at(frame._replace(part=frame.part + 1))
        if isinstance(part, MATCHES):
            return self._match(state, onwards, rule, part)
        return self._act(onwards, rule, part)

    def _match(self, state: State, onwards: State, rule: Rule, match: Match) -> State | None:
        frame = state.frames[-1]
        otherwise = state.at(frame._replace(rule=frame.rule + 1, part=0))
        if isinstance(match, Chance) and 0 < match.probability < 1:
            self._pending.append(otherwise.sharing(1 - match.probability))
            return onwards.sharing(match.probability)
        if isinstance(match, Chance):
            return onwards if match.probability else otherwise
        if isinstance(match, Remembered):
            return otherwise
        answer = self._holds(match, state)
        if answer is None and self._matters(state, rule, frame.part):
            return otherwise.doubting(f"whether this holds: {rule.text}")
        return onwards if answer else otherwise

    def _holds(self, match: Match, state: State) -> bool | None:
        table = state.frames[-1].chain.id.table
        return holds(match, state.way.headers, self._node, self._ruleset, table)

    def _matters(self, state: State, rule: Rule, part: int) -> bool:
        """Whether a rule with a match that cannot be judged could do anything to this packet."""
        rest = rule.parts[part + 1 :]
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
        frame = state.frames[-1]
        if 1 - chosen > _NEGLIGIBLE:
            rest = state.at(frame._replace(rule=frame.rule + 1, part=0))
            self._pending.append(rest.sharing(1 - chosen))

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


def dnat_shares(ways: Iterable[Way]) -> dict[tuple[str, int], float]:
    """The backends that connections get, with the share of each. Ways without one do not count."""
    shares: dict[tuple[str, int], float] = {}
    for way in ways:
        if way.backend is not None:
            key = (way.headers.dst, way.headers.dport)
            shares[key] = shares.get(key, 0.0) + way.share
    return shares
