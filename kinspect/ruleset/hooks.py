"""Whether the kernel still comes by kube-proxy's chains: the jumps from the hooks, and which are gone.

In iptables mode the jumps are known (kube-proxy's iptablesJumpChains; it restores a lost one only with a full
resync). In nftables mode names have changed between versions, so a chain is known by what it does: what looks
Services up must be reachable from prerouting and output, what masquerades from postrouting.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kinspect.ruleset.model import Chain, ChainId, HookName, Ruleset
from kinspect.ruleset.names import NFTABLES_TABLE
from kinspect.ruleset.terms import Lookup, Masquerade, Member

_IPTABLES: tuple[tuple[HookName, str, str], ...] = (
    ("prerouting", "nat", "KUBE-SERVICES"),
    ("output", "nat", "KUBE-SERVICES"),
    ("postrouting", "nat", "KUBE-POSTROUTING"),
    ("input", "filter", "KUBE-EXTERNAL-SERVICES"),
    ("input", "filter", "KUBE-NODEPORTS"),
    ("input", "filter", "KUBE-PROXY-FIREWALL"),
    ("forward", "filter", "KUBE-EXTERNAL-SERVICES"),
    ("forward", "filter", "KUBE-FORWARD"),
    ("forward", "filter", "KUBE-PROXY-FIREWALL"),
    ("forward", "filter", "KUBE-SERVICES"),
    ("output", "filter", "KUBE-PROXY-FIREWALL"),
    ("output", "filter", "KUBE-SERVICES"),
)
_DISPATCH_MAPS = ("service-ips", "service-nodeports")
_CLUSTER_IPS = "cluster-ips"


class LostJump(NamedTuple):
    """A chain that is there, but that nothing leads to from this hooked chain."""

    hook: HookName
    chain: ChainId
    to: ChainId


def dispatchers(ruleset: Ruleset) -> tuple[ChainId, ...]:
    """The chains that find a packet's Service, in both modes."""
    iptables = (ChainId("nat", "KUBE-SERVICES"), ChainId("nat", "KUBE-NODEPORTS"))
    nftables = (
        each.id for each in ruleset.chains.values() if each.id.table == NFTABLES_TABLE and _looks_up(each)
    )
    return (*(each for each in iptables if each in ruleset.chains), *nftables)


def emptied_dispatchers(ruleset: Ruleset, hook: HookName) -> tuple[ChainId, ...]:
    """The chains that should find a packet's Service at this hook, and have lost all their rules.

    KUBE-NODEPORTS is no proof: without node ports it is empty.
    """
    iptables = ChainId("nat", "KUBE-SERVICES")
    wanted = [iptables] if iptables in ruleset.chains else []
    for hooked in ruleset.hooked(hook):
        if hooked.id.table == NFTABLES_TABLE and hooked.hook and hooked.hook.kind == "nat":
            wanted += sorted(_reachable(ruleset, hooked) - {hooked.id})
    return tuple(each for each in wanted if not ruleset.chains[each].rules)


def guards_cluster_ips(ruleset: Ruleset, chain: ChainId) -> bool:
    """Whether a chain refuses, in nftables mode, what nothing has translated, whatever the port."""
    rules = ruleset.chains[chain].rules if chain in ruleset.chains else ()
    members = (part for rule in rules for part in rule.parts if isinstance(part, Member))
    return chain.table == NFTABLES_TABLE and any(each.container == _CLUSTER_IPS for each in members)


def lost_jumps(ruleset: Ruleset, hook: HookName | None = None) -> tuple[LostJump, ...]:
    """The jumps that a proxy of this mode makes and that are not there; of one hook or of all."""
    found = (*_lost_in_iptables(ruleset), *_lost_in_nftables(ruleset))
    return tuple(each for each in found if hook in (None, each.hook))


def masqueraders(ruleset: Ruleset) -> tuple[Chain, ...]:
    """The proxy's chains that postrouting leads to: one of them masquerades what is marked."""
    return tuple(
        ruleset.chains[id_]
        for hooked in ruleset.hooked("postrouting")
        for id_ in sorted(_reachable(ruleset, hooked) - {hooked.id})
        if id_.table == NFTABLES_TABLE or id_.name.startswith("KUBE-")
    )


def masquerades(chain: Chain) -> bool:
    return any(isinstance(part, Masquerade) for rule in chain.rules for part in rule.parts)


def _lost_in_iptables(ruleset: Ruleset) -> Iterator[LostJump]:
    for hook, table, name in _IPTABLES:
        to = ChainId(table, name)
        if to in ruleset.chains and ruleset.mode in ("iptables", "both"):
            hooked = [each for each in ruleset.hooked(hook) if each.id.table == table]
            if not any(to in _reachable(ruleset, each) for each in hooked):
                yield LostJump(hook, ChainId(table, hook.upper()), to)


def _lost_in_nftables(ruleset: Ruleset) -> Iterator[LostJump]:
    chains = [each for each in ruleset.chains.values() if each.id.table == NFTABLES_TABLE]
    wanted: list[tuple[HookName, Chain]] = [
        *((hook, each) for hook in ("prerouting", "output") for each in chains if _looks_up(each)),
        *(("postrouting", each) for each in chains if masquerades(each)),
    ]
    for hook, chain in wanted:
        hooked = [each for each in ruleset.hooked(hook) if each.id.table == NFTABLES_TABLE]
        nat = [each for each in hooked if each.hook and each.hook.kind == "nat"]
        if not any(chain.id in _reachable(ruleset, each) for each in nat):
            at = nat[0].id if nat else ChainId(NFTABLES_TABLE, f"nat-{hook}")
            yield LostJump(hook, at, chain.id)


def _reachable(ruleset: Ruleset, start: Chain) -> set[ChainId]:
    """The chains that rules lead to by name, from this one on; those behind maps are not followed."""
    found: set[ChainId] = set()
    ahead = [start.id]
    while ahead:
        id_ = ahead.pop()
        if id_ not in found and (chain := ruleset.chains.get(id_)):
            found.add(id_)
            ahead += [ChainId(id_.table, name) for rule in chain.rules for name in rule.targets]
    return found


def _looks_up(chain: Chain) -> bool:
    parts = (part for rule in chain.rules for part in rule.parts)
    return any(isinstance(part, Lookup) and part.container in _DISPATCH_MAPS for part in parts)
