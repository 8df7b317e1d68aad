"""A node's rules in iptables mode: a complete `iptables-restore` input, as `iptables-save` would print it.

1. nat KUBE-SERVICES sends a VIP to KUBE-SVC (Cluster endpoints) or KUBE-SVL (Local ones), external addresses
   to KUBE-EXT, or first to KUBE-FW when source ranges guard a balancer's address. Node ports come last.
2. KUBE-EXT decides on masquerade and on the short circuits of policy Local, then falls to SVC or SVL.
3. KUBE-SVC and KUBE-SVL choose: affinity first, then one chance in n, in n−1 … so that all shares are equal.
4. KUBE-SEP marks a pod that reaches itself (hairpin), remembers the client, and does the DNAT.
5. What has no endpoints has no nat rule: filter rejects it, or drops it when other nodes have some.

The text replaces whole tables: other rules of the node belong into tables of their own. Where node ports
answer on loopback (the default), the sysctl net.ipv4.conf.all.route_localnet has to be 1.
Source: kube-proxy syncProxyRules, writeServiceToEndpointRules (pkg/proxy/iptables/proxier.go).
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from kinspect.lab.proxy.choice import Backend
from kinspect.lab.proxy.iptables_frame import LAST_NOTE, Table, comment, frame
from kinspect.lab.proxy.names import iptables_hash
from kinspect.lab.proxy.plan import Plan, plans
from kinspect.lab.proxy.world import LOOPBACK, World, node_port_ips

LOCAL_DESTINATION = "-m addrtype --dst-type LOCAL"
_MARK = "-j KUBE-MARK-MASQ"
_TARGETS = {"REJECT": "-j REJECT --reject-with icmp-port-unreachable", "DROP": "-j DROP"}
_PROBABILITY_STEPS = 0x80000000


def render(world: World, node_name: str) -> str:
    """The rules of this node."""
    addresses = node_port_ips(world, node_name, default=("0.0.0.0/0",))
    tables = frame(localhost_node_ports=addresses is None or LOOPBACK in addresses)
    nat, filter_ = tables["nat"], tables["filter"]
    for plan in plans(world, node_name):
        _capture(nat, filter_, plan)
        _internal(nat, plan, world.cluster_cidr)
        _external(nat, plan, world.cluster_cidr)
        _firewall(nat, filter_, plan, world.node_ip(node_name))
        _endpoints(nat, plan)
    _node_ports(nat, addresses)
    return "".join(f"{line}\n" for table in tables.values() for line in table.lines())


def _node_ports(nat: Table, addresses: tuple[str, ...] | None) -> None:
    """Hands over what no VIP took; None = at every address of the node."""
    matches = [("", LOCAL_DESTINATION)] if addresses is None else [(f"-d {ip}/32", "") for ip in addresses]
    for destination, local in matches:
        nat.add("KUBE-SERVICES", destination, comment(LAST_NOTE), local, "-j KUBE-NODEPORTS")


def chain(kind: str, plan: Plan, backend: Backend | None = None) -> str:
    """The name of a Service port's chain; kind is SVC, SVL, EXT or FW, and SEP for a backend's."""
    endpoint = str(backend) if backend else ""
    return f"KUBE-{kind}-{iptables_hash(plan.name, plan.protocol, endpoint)}"


def _capture(nat: Table, filter_: Table, plan: Plan) -> None:
    """The ways in: cluster IP, external IPs, balancer addresses, node port, health check."""
    internal = chain("SVL" if plan.internal_local else "SVC", plan)
    if plan.has_internal:
        nat.add("KUBE-SERVICES", *_to(plan, plan.cluster_ip, "cluster IP"), f"-j {internal}")
    else:
        filter_.add("KUBE-SERVICES", *_no_endpoints(plan, plan.cluster_ip))

    external = chain("EXT", plan)
    balanced = chain("FW", plan) if plan.source_ranges else external
    entrances = [(ip, "external IP", external) for ip in plan.external_ips]
    entrances += [(ip, "loadbalancer IP", balanced) for ip in plan.balancer_ips]
    for ip, kind, target in entrances:
        if plan.choice.anywhere:
            nat.add("KUBE-SERVICES", *_to(plan, ip, kind), f"-j {target}")
        if not plan.has_external:
            filter_.add("KUBE-EXTERNAL-SERVICES", *_no_endpoints(plan, ip))

    if plan.node_port:
        at_node_port = f"-m {plan.protocol} --dport {plan.node_port}"
        if plan.choice.anywhere:
            match = (f"-p {plan.protocol}", comment(plan.name), at_node_port)
            nat.add("KUBE-NODEPORTS", *match, f"-j {external}")
        if not plan.has_external:
            filter_.add("KUBE-EXTERNAL-SERVICES", *_no_endpoints(plan, None))
    if plan.health_check_node_port:
        at_health_check = f"-m tcp --dport {plan.health_check_node_port}"
        note = comment(f"{plan.name} health check node port")
        filter_.add("KUBE-NODEPORTS", "-p tcp", note, at_health_check, "-j ACCEPT")


def _internal(nat: Table, plan: Plan, cluster_cidr: str) -> None:
    """Masquerades strangers that reach the cluster IP by a route over this node."""
    if plan.has_internal and cluster_cidr:
        name = chain("SVL" if plan.internal_local else "SVC", plan)
        nat.add(name, f"! -s {cluster_cidr}", *_to(plan, plan.cluster_ip, "cluster IP"), _MARK)


def _external(nat: Table, plan: Plan, cluster_cidr: str) -> None:
    if not plan.has_external_chain:
        return
    name, cluster = chain("EXT", plan), chain("SVC", plan)
    destinations = f"{plan.name} external destinations"
    if not plan.external_local:
        nat.add(name, comment(f"masquerade traffic for {destinations}"), _MARK)
    else:
        if cluster_cidr:
            nat.add(name, f"-s {cluster_cidr}", comment(f"pod traffic for {destinations}"), f"-j {cluster}")
        from_node = "-m addrtype --src-type LOCAL"
        nat.add(name, comment(f"masquerade LOCAL traffic for {destinations}"), from_node, _MARK)
        nat.add(name, comment(f"route LOCAL traffic for {destinations}"), from_node, f"-j {cluster}")
    if plan.has_external:
        nat.add(name, f"-j {chain('SVL', plan) if plan.external_local else cluster}")


def _firewall(nat: Table, filter_: Table, plan: Plan, node_ip: str) -> None:
    """Lets the allowed sources through to KUBE-EXT; the rest leaves without DNAT and is dropped in filter."""
    if not (plan.choice.anywhere and plan.balancer_ips and plan.source_ranges):
        return
    name = chain("FW", plan)
    ranges = [ip_network(each, strict=False) for each in plan.source_ranges]
    sources = [str(each) for each in ranges]
    if node_ip and any(ip_address(node_ip) in each for each in ranges):
        # A balancer's address is often the node's own as well: then it is also the source of the node.
        sources += [f"{ip}/32" for ip in plan.balancer_ips]
    for source in sources:
        nat.add(name, f"-s {source}", comment(f"{plan.name} loadbalancer IP"), f"-j {chain('EXT', plan)}")
    nat.add(name, comment(f"other traffic to {plan.name} will be dropped by KUBE-PROXY-FIREWALL"))
    for ip in plan.balancer_ips:
        filter_.add("KUBE-PROXY-FIREWALL", *_to(plan, ip, f"traffic not accepted by {name}"), "-j DROP")


def _endpoints(nat: Table, plan: Plan) -> None:
    for kind, members in (("SVC", plan.choice.cluster), ("SVL", plan.choice.local)):
        _balance(nat, plan, chain(kind, plan), members)
    for backend in plan.choice.reachable:
        name = chain("SEP", plan, backend)
        note = comment(plan.name)
        nat.add(name, f"-s {backend.address}/32", note, _MARK)
        affinity = f"-m recent --set {_recent(name)}" if plan.affinity_timeout_s is not None else ""
        match = (f"-p {plan.protocol}", note, affinity, f"-m {plan.protocol}")
        nat.add(name, *match, f"-j DNAT --to-destination {backend}")


def _balance(nat: Table, plan: Plan, name: str, members: tuple[Backend, ...]) -> None:
    targets = [(chain("SEP", plan, each), comment(f"{plan.name} -> {each}")) for each in members]
    if plan.affinity_timeout_s is not None:
        for target, note in targets:
            match = f"-m recent --rcheck --seconds {plan.affinity_timeout_s} --reap {_recent(target)}"
            nat.add(name, note, match, f"-j {target}")
    for index, (target, note) in enumerate(targets):
        left = len(targets) - index
        chance = f"-m statistic --mode random --probability {_probability(left)}" if left > 1 else ""
        nat.add(name, note, chance, f"-j {target}")


def _to(plan: Plan, address: str, kind: str) -> tuple[str, ...]:
    """Matches the Service port at one of its addresses."""
    return (
        f"-d {address}/32",
        f"-p {plan.protocol}",
        comment(f"{plan.name} {kind}"),
        f"-m {plan.protocol} --dport {plan.port}",
    )


def _no_endpoints(plan: Plan, address: str | None) -> tuple[str, ...]:
    """Refuses or drops what has no endpoints at this address; None = at the node port."""
    why = comment(f"{plan.name} has no {'local ' if plan.verdict == 'DROP' else ''}endpoints")
    target = _TARGETS[plan.verdict]
    if address is None:
        at_node_port = f"-m {plan.protocol} --dport {plan.node_port}"
        return (f"-p {plan.protocol}", why, LOCAL_DESTINATION, at_node_port, target)
    at_port = f"-m {plan.protocol} --dport {plan.port}"
    return (f"-d {address}/32", f"-p {plan.protocol}", why, at_port, target)


def _recent(name: str) -> str:
    return f"--name {name} --mask 255.255.255.255 --rsource"


def _probability(left: int) -> str:
    """One in `left`: ten digits go to the kernel, which keeps 31 bits and shows eleven digits."""
    asked = float(f"{1 / left:.10f}")
    return f"{round(asked * _PROBABILITY_STEPS) / _PROBABILITY_STEPS:.11f}"
