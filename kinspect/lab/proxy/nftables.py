"""A node's rules in nftables mode: a complete `nft -f` script for table `ip kube-proxy`.

1. `services` looks up destination address, protocol and port in `service-ips`, then node ports in
   `service-nodeports`: one lookup, however many Services there are. The verdict is the Service's chain.
2. `external-` decides on masquerade and on the short circuits of policy Local, then goes on to `service-`
   (Cluster endpoints) or `local-`. These choose by a random number; with affinity, the sets of remembered
   clients come first and every endpoint has a chain of its own that remembers and does the DNAT.
3. A hairpin needs no mark: `hairpin-connections` lists this node's endpoints.
4. `firewall-` drops what source ranges forbid, before DNAT. What has no endpoints is looked up after it.

The script may be loaded again and again: it replaces all rules and elements in one transaction, but keeps
the clients that affinity remembers. A changed affinity timeout needs the table deleted first, as the kernel
takes no other timeout for a set that exists.
Source: kube-proxy syncProxyRules (pkg/proxy/nftables/proxier.go) and the rules of a running 1.36.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from kinspect.lab.proxy.choice import Backend
from kinspect.lab.proxy.names import nftables_base
from kinspect.lab.proxy.nftables_frame import MASQUERADE, REJECT, Script, frame
from kinspect.lab.proxy.plan import Plan, plans
from kinspect.lab.proxy.world import LOOPBACK, World, node_port_ips

_VERDICTS = {"REJECT": REJECT, "DROP": "drop"}
_REMEMBERED_CLIENTS = 65535
"""The size that the kernel gives a dynamic set."""


def render(world: World, node_name: str) -> str:
    """The rules of this node."""
    addresses = node_port_ips(world, node_name, default=("primary",))
    if addresses is not None:
        addresses = tuple(ip for ip in addresses if ip != LOOPBACK)  # not possible in this mode
    script = frame(world, addresses)
    for plan in plans(world, node_name):
        script.element("cluster-ips", plan.cluster_ip)
        _capture(script, plan)
        _external(script, plan, world.cluster_cidr)
        _firewall(script, plan, world.node_ip(node_name))
        _endpoints(script, plan)
    return "".join(f"{line}\n" for line in script.lines())


def chain(kind: str, plan: Plan, backend: Backend | None = None) -> str:
    """The name of a Service port's chain: service, local, external, firewall; endpoint for a backend's."""
    endpoint = str(backend) if backend else ""
    return f"{kind}-{nftables_base(plan.namespace, plan.service, plan.protocol, plan.port_name, endpoint)}"


def _capture(script: Script, plan: Plan) -> None:
    """The ways in: cluster IP, external IPs, balancer addresses, node port."""
    at_cluster_ip = f"{plan.cluster_ip} . {plan.protocol} . {plan.port}"
    if plan.has_internal:
        target = chain("local" if plan.internal_local else "service", plan)
        script.element("service-ips", at_cluster_ip, f"goto {target}")
    else:
        _no_endpoints(script, "no-endpoint-services", at_cluster_ip, plan)
    outside = f"goto {chain('external', plan)}"
    for ip in (*plan.external_ips, *plan.balancer_ips):
        _way_in(script, plan, "services", f"{ip} . {plan.protocol} . {plan.port}", outside)
    if plan.node_port:
        _way_in(script, plan, "nodeports", f"{plan.protocol} . {plan.node_port}", outside)


def _way_in(script: Script, plan: Plan, kind: str, key: str, verdict: str) -> None:
    if plan.choice.anywhere:
        script.element("service-ips" if kind == "services" else "service-nodeports", key, verdict)
    if not plan.has_external:
        _no_endpoints(script, f"no-endpoint-{kind}", key, plan)


def _no_endpoints(script: Script, container: str, key: str, plan: Plan) -> None:
    script.element(container, key, _VERDICTS[plan.verdict], plan.name)


def _external(script: Script, plan: Plan, cluster_cidr: str) -> None:
    if not plan.has_external_chain:
        return
    name, cluster = chain("external", plan), chain("service", plan)
    script.chain(name)
    if not plan.external_local:
        script.rule(name, MASQUERADE, "masquerade")
    else:
        if cluster_cidr:
            script.rule(name, f"ip saddr {cluster_cidr} goto {cluster}", "short-circuit pod traffic")
        script.rule(name, f"fib saddr type local {MASQUERADE}", "masquerade local traffic")
        script.rule(name, f"fib saddr type local goto {cluster}", "short-circuit local traffic")
    if plan.has_external:
        script.rule(name, f"goto {chain('local', plan) if plan.external_local else cluster}")


def _firewall(script: Script, plan: Plan, node_ip: str) -> None:
    if not (plan.balancer_ips and plan.source_ranges):
        return
    name = chain("firewall", plan)
    ranges = [ip_network(each, strict=False) for each in plan.source_ranges]
    sources = [str(each) for each in ranges]
    if node_ip and any(ip_address(node_ip) in each for each in ranges):
        # A balancer's address is often the node's own as well: then it is also the source of the node.
        sources += plan.balancer_ips
    script.chain(name)
    script.rule(name, f"ip saddr != {{ {', '.join(sources)} }} drop")
    for ip in plan.balancer_ips:
        script.element("firewall-ips", f"{ip} . {plan.protocol} . {plan.port}", f"goto {name}")


def _endpoints(script: Script, plan: Plan) -> None:
    for each in plan.choice.reachable:
        if each.local:
            key = f"{each.address} . {each.address} . {plan.protocol} . {each.port}"
            script.element("hairpin-connections", key)
        if plan.affinity_timeout_s is not None:
            _remembering(script, plan, each, plan.affinity_timeout_s)
    for kind, members in (("service", plan.choice.cluster), ("local", plan.choice.local)):
        if members:
            script.chain(chain(kind, plan))
            if plan.affinity_timeout_s is None:
                _balance(script, plan, chain(kind, plan), members)
            else:
                _balance_with_affinity(script, plan, chain(kind, plan), members)


def _balance(script: Script, plan: Plan, name: str, members: tuple[Backend, ...]) -> None:
    targets = ", ".join(f"{index} : {each.address} . {each.port}" for index, each in enumerate(members))
    choice = f"numgen random mod {len(members)} map {{ {targets} }}"
    script.rule(name, f"meta l4proto {plan.protocol} dnat ip to {choice}")


def _balance_with_affinity(script: Script, plan: Plan, name: str, members: tuple[Backend, ...]) -> None:
    targets = [chain("endpoint", plan, each) for each in members]
    for each, target in zip(members, targets, strict=True):
        script.rule(name, f"ip saddr @{chain('affinity', plan, each)} goto {target}")
    verdicts = ", ".join(f"{index} : goto {target}" for index, target in enumerate(targets))
    script.rule(name, f"numgen random mod {len(members)} vmap {{ {verdicts} }}")


def _remembering(script: Script, plan: Plan, backend: Backend, timeout_s: int) -> None:
    """The chain of one endpoint, and the set of the clients that stick to it."""
    name, clients = chain("endpoint", plan, backend), chain("affinity", plan, backend)
    body = f"type ipv4_addr ; size {_REMEMBERED_CLIENTS} ; flags dynamic,timeout ; timeout {timeout_s}s"
    script.container("set", clients, body, kept=True)
    script.chain(name)
    script.rule(name, f"update @{clients} {{ ip saddr }}")
    script.rule(name, f"meta l4proto {plan.protocol} dnat to {backend}")
