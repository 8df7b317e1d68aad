"""A node's rules against what they should do to one packet: which fault, in which chain.

The caller says what should happen (from the objects of the API), the walk says what does. A fault names the
first place where the two part. Nothing here guesses: where a match could not be judged, the fault carries the
doubt; where the rules do as expected, there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from kinspect.model.meta import Fact
from kinspect.ruleset.hooks import (
    dispatchers,
    emptied_dispatchers,
    guards_cluster_ips,
    lost_jumps,
    masqueraders,
    masquerades,
)
from kinspect.ruleset.matching import Headers, Node
from kinspect.ruleset.model import ChainId, Ruleset
from kinspect.ruleset.names import NFTABLES_TABLE
from kinspect.ruleset.walk import Origin, dnat_shares, journey
from kinspect.ruleset.way import Step, Way, ended_in, falls

FaultKind = Literal[
    "no rules",
    "lost jump",
    "missing entrance",
    "emptied chain",
    "stale backend",
    "missing backend",
    "uneven shares",
    "wrong refusal",
    "missing refusal",
    "dropped",
    "masquerade missing",
    "wrong mark",
    "needless masquerade",
]

Backend = tuple[str, int]
_EVEN = 1e-4
_EMPTY = "the chain is empty"


class Expectation(Fact, frozen=True):
    """What should happen to a packet: it is translated to one of the `backends`, or there are none.

    Then it is refused as `refusal` says, or passes as it is ("", a packet that has been translated before).
    `masquerade` None = it does not matter.
    """

    headers: Headers
    backends: frozenset[Backend] = frozenset()
    refusal: Literal["", "reject", "drop"] = ""
    masquerade: bool | None = None
    origin: Origin = "network"


class Fault(Fact, frozen=True):
    """`chain` is where it is, `rule` the rule that does wrong ("" = one is missing)."""

    kind: FaultKind
    chain: ChainId
    expected: str
    seen: str
    rule: str = ""
    doubts: tuple[str, ...] = ()


def faults(ruleset: Ruleset, expectation: Expectation, node: Node) -> tuple[Fault, ...]:
    """What is wrong with the rules for this packet, the decisive fault first; () = they do as expected.

    Also () where nobody could look: no proxy's rules in a Ruleset that is not complete, or ipvs mode without
    the virtual servers.
    """
    if ruleset.mode == "ipvs":
        return tuple(_of_ipvs(ruleset, expectation))
    # A client that is remembered would see its own backend only: the rules are judged for a new one.
    ways = journey(ruleset, expectation.headers, node, expectation.origin, memory=False)
    if expectation.backends:
        return tuple(_of_service(ruleset, expectation, node, ways))
    return tuple(_of_others(expectation, ways))


def _of_service(
    ruleset: Ruleset, expectation: Expectation, node: Node, ways: tuple[Way, ...]
) -> Iterator[Fault]:
    translated = [way for way in ways if way.backend is not None]
    untranslated = next((way for way in ways if way.backend is None), None)
    if untranslated and _can_tell(ruleset):
        # One is enough: the others of this packet end for the same reason.
        yield _untranslated(ruleset, expectation, untranslated)
    yield from _backends(expectation.backends, translated)
    for way in translated:
        if way.end in ("drop", "reject"):
            yield _fault("dropped", way, way.steps[-1], "the packet goes on to its backend", way.end)
            break
    if expectation.masquerade is not None:
        yield from _masquerade(ruleset, expectation.masquerade, node, translated)


def _untranslated(ruleset: Ruleset, expectation: Expectation, way: Way) -> Fault:
    """Why a packet that a Service should have taken kept its destination.

    What was not translated may be refused further on, as a wrong port of the cluster IP is in nftables mode:
    that is an effect. A cause it only is where the proxy says of this very port that nobody is behind it.
    """
    expected = f"a translation to {_listed(expectation.backends)}"
    hook: Literal["prerouting", "output"] = "prerouting" if expectation.origin == "network" else "output"
    for lost in lost_jumps(ruleset, hook):
        if lost.to in dispatchers(ruleset):
            return Fault("lost jump", lost.chain, f"a jump to {lost.to.name}", "none", doubts=way.doubts)
    for emptied in emptied_dispatchers(ruleset, hook):
        return Fault("emptied chain", emptied, expected, _EMPTY, doubts=way.doubts)
    if not dispatchers(ruleset):
        return Fault(
            "no rules", ChainId("", ""), expected, f"no rules of a service proxy (mode {ruleset.mode})"
        )
    fell = ended_in(way)
    if fell and fell not in dispatchers(ruleset):
        rules = ruleset.chains[fell].rules
        seen = f"{len(rules)} rules, none of which translates" if rules else _EMPTY
        return Fault("emptied chain", fell, expected, seen, doubts=way.doubts)
    if way.end in ("drop", "reject") and not guards_cluster_ips(ruleset, way.steps[-1].chain):
        return _fault("wrong refusal", way, way.steps[-1], expected, way.end)
    at = fell or dispatchers(ruleset)[0]
    headers = expectation.headers
    seen = f"no rule or element for {headers.protocol} {headers.dst}:{headers.dport}"
    return Fault("missing entrance", at, expected, seen, doubts=way.doubts)


def _can_tell(ruleset: Ruleset) -> bool:
    """Whether it proves something that nothing translates: a proxy's rules are here, or none is hidden."""
    return ruleset.complete or bool(dispatchers(ruleset)) or bool(emptied_dispatchers(ruleset, "prerouting"))


def _backends(expected: frozenset[Backend], translated: list[Way]) -> Iterator[Fault]:
    shares = dnat_shares(translated)
    stale = {backend: way for way in translated if (backend := _chosen(way)) not in expected}
    for backend, way in sorted(stale.items()):
        yield _fault("stale backend", way, _step(way, "dnat"), _listed(expected), _text(backend))
    missing = expected - shares.keys()
    fallen = {step.chain: way for way in translated for step in falls(way) if _of_one_endpoint(step.chain)}
    for chain, way in sorted(fallen.items()):
        # The next rule of the choosing chain followed: somebody else got this one's share.
        yield Fault("emptied chain", chain, "a translation", _EMPTY, doubts=way.doubts)
    if missing and translated:
        way = translated[0]
        yield _fault("missing backend", way, _choosing(way), _listed(expected), f"no {_listed(missing)}")
    total = sum(shares.values())
    if (
        shares
        and shares.keys() == expected
        and not all(abs(share / total - 1 / len(shares)) < _EVEN for share in shares.values())
    ):
        way = translated[0]
        seen = ", ".join(f"{_text(backend)} {share / total:.1%}" for backend, share in sorted(shares.items()))
        yield _fault("uneven shares", way, _choosing(way), f"{1 / len(shares):.1%} each", seen)


def _masquerade(ruleset: Ruleset, expected: bool, node: Node, translated: list[Way]) -> Iterator[Fault]:
    lost = lost_jumps(ruleset, "postrouting")
    for way in translated:
        hairpin = way.headers.src == way.headers.dst  # must be masqueraded, whatever else should
        if way.end != "accept" or hairpin or node.owns(way.headers.dst) or way.masqueraded == expected:
            continue
        if not expected:
            step = _step(way, "masquerade")
            if not _of_the_proxy(step.chain):
                continue  # a CNI hides pods from the world outside, for reasons of its own
            yield _fault("needless masquerade", way, step, "the source stays", "masquerade")
        elif lost:
            yield Fault("lost jump", lost[0].chain, f"a jump to {lost[0].to.name}", "none", doubts=way.doubts)
        elif (asked := masqueraders(ruleset)) and not any(map(masquerades, asked)):
            yield Fault("emptied chain", asked[0].id, "masquerade", "no rule that does it", doubts=way.doubts)
        elif way.headers.mark:
            seen = f"the mark {way.headers.mark:#x} is not what the masquerade asks for"
            yield _fault("wrong mark", way, _step(way, "mark"), "masquerade", seen)
        else:
            yield _fault("masquerade missing", way, _choosing(way), "masquerade", "the source stays")
        return


def _of_others(expectation: Expectation, ways: tuple[Way, ...]) -> Iterator[Fault]:
    """Faults of a packet that no backend should get: refused, or passed on as it is."""
    refusal = expectation.refusal
    expected = refusal or "the packet passes as it is"
    for way in ways:
        refused = way.end in ("drop", "reject")
        if way.backend is not None:
            yield _fault("stale backend", way, _step(way, "dnat"), expected, _text(_chosen(way)))
        elif refused and way.end != refusal:
            kind: FaultKind = "wrong refusal" if refusal else "dropped"
            yield _fault(kind, way, way.steps[-1], expected, way.end)
        elif refusal and way.end == "accept":
            last = way.steps[-1].chain if way.steps else ChainId("", "")
            yield Fault("missing refusal", last, expected, "the packet goes on", doubts=way.doubts)


def _of_ipvs(ruleset: Ruleset, expectation: Expectation) -> Iterator[Fault]:
    """Faults of the IPVS table. What comes before and after it, sets and marks, is not judged."""
    if ruleset.virtual_servers is None:
        return
    headers = expectation.headers
    at = ChainId("ipvs", f"{headers.protocol} {headers.dst}:{headers.dport}")
    key = (headers.protocol, headers.dst, headers.dport)
    found = [each for each in ruleset.virtual_servers if (each.protocol, each.address, each.port) == key]
    expected = _listed(expectation.backends) or expectation.refusal or "the packet passes as it is"
    if not found and expectation.backends:
        yield Fault("missing entrance", at, expected, "no such virtual server")
        return
    servers = {(each.address, each.port) for virtual in found for each in virtual.servers if each.weight}
    for backend in sorted(servers - expectation.backends):
        yield Fault("stale backend", at, expected, _text(backend))
    if expectation.backends - servers:
        kind: FaultKind = "missing backend" if servers else "emptied chain"
        yield Fault(kind, at, expected, f"no {_listed(expectation.backends - servers)}")


def _fault(kind: FaultKind, way: Way, step: Step, expected: str, seen: str) -> Fault:
    return Fault(kind, step.chain, expected, seen, step.rule, way.doubts)


def _chosen(way: Way) -> Backend:
    return way.headers.dst, way.headers.dport


def _step(way: Way, does: str) -> Step:
    """The last step that does this; the way has one."""
    return next(step for step in reversed(way.steps) if step.does == does)


def _of_the_proxy(chain: ChainId) -> bool:
    return chain.table == NFTABLES_TABLE or chain.name.startswith("KUBE-")


def _of_one_endpoint(chain: ChainId) -> bool:
    return chain.name.startswith(("KUBE-SEP-", "endpoint-"))


def _choosing(way: Way) -> Step:
    """The step that chose the backend: the jump to the chain of the DNAT, or the DNAT that chooses itself."""
    dnat = _step(way, "dnat")
    jumps = [step for step in way.steps if step.does in ("jump", "goto") and step.detail == dnat.chain.name]
    return jumps[-1] if jumps and _of_one_endpoint(dnat.chain) else dnat


def _listed(backends: Iterable[Backend]) -> str:
    texts = sorted(_text(each) for each in backends)
    return ", ".join(texts[:5]) + (f" and {len(texts) - 5} more" if len(texts) > 5 else "")


def _text(backend: Backend) -> str:
    return f"{backend[0]}:{backend[1]}"
