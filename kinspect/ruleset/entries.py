"""One Service port as a node's rules have it: where it is entered, its chains, what they choose from.

Chains are told by kube-proxy's names: in nftables mode they name the Service port, in iptables mode a hash
does; the comment that names it there counts only if the hash confirms it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from msgspec import field

from kinspect.model.meta import Fact
from kinspect.ruleset.matching import Headers, Node
from kinspect.ruleset.model import Chain, ChainId, Container, Rule, Ruleset
from kinspect.ruleset.names import (
    NFTABLES_TABLE,
    ServicePort,
    iptables_hash,
    iptables_name,
    nftables_name,
    service_port_of,
)
from kinspect.ruleset.terms import AddressIs, Jump, Member, PortIs, ProtocolIs, Remembered, Verdict
from kinspect.ruleset.walk import walk_chain

Kind = Literal["cluster IP", "external address", "node port"]
Refusal = Literal["", "reject", "drop"]

_IPTABLES_ENTRANCES: dict[ChainId, Kind] = {
    ChainId("nat", "KUBE-SERVICES"): "cluster IP",
    ChainId("nat", "KUBE-NODEPORTS"): "node port",
    ChainId("filter", "KUBE-SERVICES"): "cluster IP",
    ChainId("filter", "KUBE-EXTERNAL-SERVICES"): "external address",
}
_NFTABLES_ENTRANCES: dict[str, Kind] = {
    "service-ips": "cluster IP",
    "service-nodeports": "node port",
    "no-endpoint-services": "cluster IP",
    "no-endpoint-nodeports": "node port",
}
_SOMEBODY = "0.0.0.0"


class Entrance(Fact, frozen=True):
    """Where the Service port is reached. `address` "" = at the node's own.

    `leads_to` is the first chain of the Service, "" when a `refusal` stands in its place.
    """

    kind: Kind
    address: str
    port: int
    leads_to: str = ""
    refusal: Refusal = ""


class Choice(Fact, frozen=True):
    """A backend with its share of the connections; `chain` is where it is translated to."""

    address: str
    port: int
    share: float
    chain: str


class Entry(Fact, frozen=True):
    """`of` None = the chains' hash is known, but no comment that it confirms.

    `chains` are by kind: service (Cluster endpoints), local, external, firewall. `cluster` and `local` are
    what the first two choose from. `masquerades` = external traffic is marked for it, whoever sends it.
    `source_ranges` are those that a balancer's address lets in; () = everybody.
    """

    key: str
    of: ServicePort | None
    protocol: str
    entrances: tuple[Entrance, ...] = ()
    chains: Mapping[str, str] = field(default_factory=dict)
    cluster: tuple[Choice, ...] = ()
    local: tuple[Choice, ...] = ()
    masquerades: bool = False
    affinity_timeout_s: int | None = None
    source_ranges: tuple[str, ...] = ()


def entries(ruleset: Ruleset) -> tuple[Entry, ...]:
    """The Service ports in the rules of either mode, ordered by name; refused ones too."""
    found: dict[tuple[str, str], list[tuple[ServicePort | None, Entrance]]] = {}
    for key, of, protocol, entrance in (*_iptables(ruleset), *_nftables(ruleset)):
        found.setdefault((key, protocol), []).append((of, entrance))
    made = [_entry(ruleset, key, protocol, each) for (key, protocol), each in found.items()]
    return tuple(sorted(made, key=lambda each: (str(each.of or ""), each.protocol, each.key)))


_Found = tuple[str, ServicePort | None, str, Entrance]
"""(key, Service port, protocol, entrance)."""


def _iptables(ruleset: Ruleset) -> Iterator[_Found]:
    for id_, kind in _IPTABLES_ENTRANCES.items():
        chain = ruleset.chains.get(id_)
        for rule in chain.rules if chain else ():
            found = _entrance_of(rule, kind)
            if found:
                yield found


def _entrance_of(rule: Rule, kind: Kind) -> _Found | None:
    protocol = next((each.names[0] for each in rule.parts if isinstance(each, ProtocolIs)), "")
    ports = [each.ranges[0][0] for each in rule.parts if isinstance(each, PortIs) and each.side == "dst"]
    addresses = [
        str(each.networks[0].network_address)
        for each in rule.parts
        if isinstance(each, AddressIs) and each.side == "dst" and not each.negated
    ]
    if not ports:
        return None
    address = addresses[0] if addresses else ""
    if not address:
        kind = "node port"
    action = rule.parts[-1]
    if isinstance(action, Jump):
        name = iptables_name(action.chain)
        if name is None:
            return None
        if kind == "cluster IP" and name.kind in ("external", "firewall"):
            kind = "external address"
        of = service_port_of(rule.comment, protocol, name.hash)
        return name.hash, of, protocol, Entrance(kind, address, ports[0], action.chain)
    if isinstance(action, Verdict) and action.name in ("reject", "drop"):
        of = _named(rule.comment, protocol)
        refusal: Refusal = "reject" if action.name == "reject" else "drop"
        key = iptables_hash(of) if of else rule.comment
        return key, of, protocol, Entrance(kind, address, ports[0], refusal=refusal)
    return None


def _nftables(ruleset: Ruleset) -> Iterator[_Found]:
    cluster_ips = ruleset.containers.get(ChainId(NFTABLES_TABLE, "cluster-ips"), Container(ChainId("", "")))
    for name, kind in _NFTABLES_ENTRANCES.items():
        container = ruleset.containers.get(ChainId(NFTABLES_TABLE, name))
        for element, value in container.elements.items() if container else ():
            *address, protocol, port = ("", *element) if len(element) < 3 else element
            if not port.isdecimal():
                continue
            external = kind == "cluster IP" and (address[0],) not in cluster_ips.elements
            at: Kind = "external address" if external else kind
            if isinstance(value, Jump) and (chain := nftables_name(value.chain)):
                entrance = Entrance(at, address[0], int(port), value.chain)
                yield str(chain.of), chain.of, protocol, entrance
            elif value is not None and container is not None:
                of = _named(container.comments.get(element, ""), protocol)
                refusal: Refusal = "drop" if value == Verdict("drop") else "reject"
                entrance = Entrance(at, address[0], int(port), refusal=refusal)
                yield str(of or element), of, protocol, entrance


def _named(comment: str, protocol: str) -> ServicePort | None:
    """The Service port that a refusal's comment names; there is no hash that could confirm it."""
    named, _, port = comment.split(" ", 1)[0].partition(":")
    namespace, slash, service = named.partition("/")
    return ServicePort(namespace, service, port, protocol) if slash else None


def _entry(
    ruleset: Ruleset, key: str, protocol: str, found: list[tuple[ServicePort | None, Entrance]]
) -> Entry:
    of = next((each for each, _ in found if each), None)
    entrances = tuple(entrance for _, entrance in found)
    table, chains = _chains_of(ruleset, [each.leads_to for each in entrances if each.leads_to])
    cluster = _choices(ruleset, table, chains.get("service"), protocol)
    local = _choices(ruleset, table, chains.get("local"), protocol)
    outside = chains.get("external")
    somebody = Headers(protocol, _SOMEBODY, 0, _SOMEBODY, 0)
    ways = walk_chain(ruleset, somebody, ChainId(table, outside), Node(frozenset())) if outside else ()
    timeouts = [_affinity_s(ruleset, table, chains.get(kind)) for kind in ("service", "local")]
    return Entry(
        key,
        of,
        protocol,
        entrances,
        chains,
        cluster,
        local,
        bool(ways) and all(way.headers.mark for way in ways),
        next((each for each in timeouts if each is not None), None),
        tuple(_sources(ruleset.chains.get(ChainId(table, chains.get("firewall", ""))))),
    )


def _chains_of(ruleset: Ruleset, first: list[str]) -> tuple[str, dict[str, str]]:
    """The table of a Service's chains, and they themselves by kind: those entered, and those that follow."""
    table = "nat" if any(iptables_name(each) for each in first) else NFTABLES_TABLE
    chains: dict[str, str] = {}
    ahead = list(first)
    while ahead:
        name = ahead.pop()
        known = iptables_name(name) or nftables_name(name)
        chain = ruleset.chains.get(ChainId(table, name))
        if known is None or known.kind == "endpoint" or name in chains.values():
            continue
        chains[known.kind] = name
        ahead += [target for rule in (chain.rules if chain else ()) for target in rule.targets]
        # In nftables mode no chain leads to the firewall's: it is looked up on its own, before DNAT.
        firewall = f"firewall-{name.partition('-')[2]}"
        ahead += [firewall] if ChainId(table, firewall) in ruleset.chains else []
    return table, dict(sorted(chains.items()))


def _sources(firewall: Chain | None) -> Iterator[str]:
    for rule in firewall.rules if firewall else ():
        for part in rule.parts:
            if isinstance(part, AddressIs) and part.side == "src":
                yield from map(str, part.networks)


def _choices(ruleset: Ruleset, table: str, chain: str | None, protocol: str) -> tuple[Choice, ...]:
    if chain is None:
        return ()
    somebody = Headers(protocol, _SOMEBODY, 0, _SOMEBODY, 0)
    ways = walk_chain(ruleset, somebody, ChainId(table, chain), Node(frozenset()))
    return tuple(
        Choice(way.headers.dst, way.headers.dport, way.share, step.chain.name)
        for way in ways
        for step in way.steps
        if step.does == "dnat"
    )


def _affinity_s(ruleset: Ruleset, table: str, name: str | None) -> int | None:
    chain: Chain | None = ruleset.chains.get(ChainId(table, name)) if name else None
    for rule in chain.rules if chain else ():
        for part in rule.parts:
            if isinstance(part, Remembered):
                return part.timeout_s
            if isinstance(part, Member) and part.container.startswith("affinity-"):
                clients = ruleset.containers.get(ChainId(table, part.container))
                return clients.timeout_s if clients else None
    return None
