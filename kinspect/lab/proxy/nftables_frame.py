"""The part of kube-proxy's nftables table that does not depend on Services: hooks, checks, sets and maps.

Source: kube-proxy setupNFTables (pkg/proxy/nftables/proxier.go) and the rules of a running 1.36.
"""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.lab.proxy.world import World

MASQUERADE = "meta mark set meta mark | 0x00004000"
REJECT = "goto reject-chain"

_TABLE = "ip kube-proxy"
_BASE_CHAINS = (
    ("filter-prerouting-pre-dnat", "filter", "prerouting", "dstnat - 10"),
    ("filter-output-pre-dnat", "filter", "output", "-110"),
    ("filter-input", "filter", "input", "filter"),
    ("filter-forward", "filter", "forward", "filter"),
    ("filter-output", "filter", "output", "filter"),
    ("nat-prerouting", "nat", "prerouting", "dstnat"),
    ("nat-output", "nat", "output", "-100"),
    ("nat-postrouting", "nat", "postrouting", "srcnat"),
)
_JUMPS = (
    # The firewall looks at a balancer's address, so before DNAT. The other checks come after it: only what
    # no Service chain took still has the Service's address then.
    ("filter-prerouting-pre-dnat", "ct state new jump firewall-check"),
    ("filter-output-pre-dnat", "ct state new jump firewall-check"),
    ("filter-input", "ct state new jump nodeport-endpoints-check"),
    ("filter-input", "ct state new jump service-endpoints-check"),
    ("filter-forward", "ct state new jump service-endpoints-check"),
    ("filter-forward", "ct state new jump cluster-ips-check"),
    ("filter-output", "ct state new jump service-endpoints-check"),
    ("filter-output", "ct state new jump cluster-ips-check"),
    ("nat-prerouting", "jump services"),
    ("nat-output", "jump services"),
    ("nat-postrouting", "jump masquerading"),
)
_VIP = "ipv4_addr . inet_proto . inet_service"
_NODE_PORT = "inet_proto . inet_service"
_MAPS = (
    ("no-endpoint-services", _VIP, "vmap to drop or reject packets to services with no endpoints"),
    (
        "no-endpoint-nodeports",
        _NODE_PORT,
        "vmap to drop or reject packets to service nodeports with no endpoints",
    ),
    ("firewall-ips", _VIP, "destinations that are subject to LoadBalancerSourceRanges"),
    ("service-ips", _VIP, "ClusterIP, ExternalIP and LoadBalancer IP traffic"),
    ("service-nodeports", _NODE_PORT, "NodePort traffic"),
)


class Script:
    """One table being written. Names are declared before they are used, whatever the order of the calls."""

    def __init__(self) -> None:
        self._chains: dict[str, str] = {}
        self._containers: dict[str, str] = {}
        self._emptied: dict[str, str] = {}
        self._elements: dict[str, dict[str, str]] = {}
        self._rules: list[str] = []

    def chain(self, name: str, body: str = "") -> None:
        self._chains[name] = f"add chain {_TABLE} {name}" + (f" {{ {body} ; }}" if body else "")

    def container(self, kind: str, name: str, body: str, *, kept: bool = False) -> None:
        """Declares a set or a map; `kept` = what it holds was learned from packets and outlives a reload."""
        self._containers[name] = f"add {kind} {_TABLE} {name} {{ {body} ; }}"
        if not kept:
            self._emptied[name] = f"flush {kind} {_TABLE} {name}"

    def element(self, container: str, key: str, verdict: str = "", comment: str = "") -> None:
        """Adds to a set or a map. Of two Services that claim the same key, the first one has it."""
        note = f' comment "{comment}"' if comment else ""
        text = f"{key}{note} : {verdict}" if verdict else key
        self._elements.setdefault(container, {}).setdefault(key, text)

    def rule(self, chain: str, text: str, comment: str = "") -> None:
        note = f' comment "{comment}"' if comment else ""
        self._rules.append(f"add rule {_TABLE} {chain} {text}{note}")

    def lines(self) -> Iterator[str]:
        """The script. Chains that nothing fills any more stay behind empty, as those of kube-proxy may."""
        yield f'add table {_TABLE} {{ comment "rules for kube-proxy" ; }}'
        yield f"flush table {_TABLE}"
        yield from self._chains.values()
        yield from self._containers.values()
        yield from self._emptied.values()
        for container, members in self._elements.items():
            yield f"add element {_TABLE} {container} {{ {', '.join(members.values())} }}"
        yield from self._rules


def frame(world: World, addresses: tuple[str, ...] | None) -> Script:
    """Everything that no Service is needed for; `addresses` answer on node ports, None = all there are."""
    script = Script()
    for name, kind, hook, priority in _BASE_CHAINS:
        script.chain(name, f"type {kind} hook {hook} priority {priority} ; policy accept")
    for chain, rule in _JUMPS:
        script.chain(rule.rpartition(" ")[2])
        script.rule(chain, rule)
    for name, type_, comment in _MAPS:
        script.container("map", name, f'type {type_} : verdict ; comment "{comment}"')
    hairpin = "type ipv4_addr . ipv4_addr . inet_proto . inet_service"
    script.container("set", "hairpin-connections", f'{hairpin} ; comment "service hairpin connections"')
    script.container("set", "cluster-ips", 'type ipv4_addr ; comment "Active ClusterIPs"')
    if addresses is not None:
        body = 'type ipv4_addr ; comment "IPs that accept NodePort traffic"'
        script.container("set", "nodeport-ips", body)
        for ip in addresses:
            script.element("nodeport-ips", ip)
    _checks(script, world, addresses)
    _dispatch(script, world, addresses)
    return script


def _checks(script: Script, world: World, addresses: tuple[str, ...] | None) -> None:
    """What happens to packets that no Service takes, or must not take."""
    script.chain("reject-chain", 'comment "helper for @no-endpoint-services / @no-endpoint-nodeports"')
    script.rule("reject-chain", "reject")
    here = "ip daddr != 127.0.0.0/8" if addresses is None else "ip daddr @nodeport-ips"
    at_port = "meta l4proto . th dport"
    script.rule("nodeport-endpoints-check", f"{here} {at_port} vmap @no-endpoint-nodeports")
    script.rule("service-endpoints-check", f"ip daddr . {at_port} vmap @no-endpoint-services")
    script.rule("firewall-check", f"ip daddr . {at_port} vmap @firewall-ips")
    invalid = "Reject traffic to invalid ports of ClusterIPs"
    script.rule("cluster-ips-check", "ip daddr @cluster-ips reject", invalid)
    if world.service_cidrs:
        ranges = ", ".join(world.service_cidrs)
        free = f"{{ {ranges} }}" if len(world.service_cidrs) > 1 else ranges
        script.rule("cluster-ips-check", f"ip daddr {free} drop", "Drop traffic to unallocated ClusterIPs")


def _dispatch(script: Script, world: World, addresses: tuple[str, ...] | None) -> None:
    """From the hooks to the Services, and the masquerade on the way out."""
    if world.cluster_cidr:
        stranger = f"ip daddr @cluster-ips ip saddr != {world.cluster_cidr}"
        note = "masquerade clusterIP traffic from outside cluster"
        script.rule("services", f"{stranger} {MASQUERADE}", note)
    script.rule("services", "ip daddr . meta l4proto . th dport vmap @service-ips")
    here = "fib daddr type local ip daddr != 127.0.0.0/8" if addresses is None else "ip daddr @nodeport-ips"
    script.rule("services", f"{here} meta l4proto . th dport vmap @service-nodeports")
    marked = "meta mark & 0x00004000 != 0x00000000 meta mark set meta mark ^ 0x00004000"
    script.rule("masquerading", f"{marked} masquerade fully-random")
    itself = "ip saddr . ip daddr . meta l4proto . th dport @hairpin-connections"
    script.rule("masquerading", f"ct status dnat {itself} masquerade fully-random")
