"""Faults in a node's rules: what its service proxy, its CNI or an administrator's firewall left there."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec import structs

from kinspect.lab import places
from kinspect.lab.faults import Fault
from kinspect.lab.faults.targets import Target, service_port
from kinspect.lab.proxy import iptables, nftables
from kinspect.model.endpointslice import Endpoint

if TYPE_CHECKING:
    from kinspect.lab.supervisor import Lab

FIREWALL_TABLE = "ip host-firewall"


async def _reload(lab: Lab) -> None:
    await lab.proxy.sync(again=True)


async def _empty_chain(lab: Lab) -> str:
    target = service_port(lab)
    if lab.means.proxy == "iptables":
        chain = _internal_chain(target)
        await lab.ground.must(target.place, ["iptables", "-t", "nat", "-F", chain])
    else:
        chain = nftables.chain("local" if target.plan.internal_local else "service", target.plan)
        await lab.ground.must(target.place, ["nft", "flush", "chain", "ip", "kube-proxy", chain])
    return f"on {target.node.name}, chain {chain} of {target.service} is empty"


def _internal_chain(target: Target) -> str:
    """In iptables mode, the chain that a packet to the cluster IP jumps to."""
    return iptables.chain("SVL" if target.plan.internal_local else "SVC", target.plan)


async def _stale_backend(lab: Lab) -> str:
    target = service_port(lab)
    lost = target.backend.address
    gone = str(target.node.pods[250])  # pods are numbered from below: nobody has this one

    def stale(endpoint: Endpoint) -> Endpoint:
        return structs.replace(endpoint, addresses=(gone,)) if endpoint.address == lost else endpoint

    await _load_as_if(lab, target, lambda endpoints: tuple(map(stale, endpoints)))
    return f"on {target.node.name}, {target.service} still has {gone}, which no pod has any more"


async def _missing_backend(lab: Lab) -> str:
    target = service_port(lab)
    lost = target.backend.address
    await _load_as_if(lab, target, lambda endpoints: tuple(e for e in endpoints if e.address != lost))
    return f"on {target.node.name}, {target.service} never got its backend {lost}"


async def _load_as_if(
    lab: Lab, target: Target, change: Callable[[tuple[Endpoint, ...]], tuple[Endpoint, ...]]
) -> None:
    """Loads the rules that the node would have if the Service's slices had said something else."""
    world = lab.facts.world()
    owner = (target.plan.namespace, target.plan.service)
    slices = tuple(
        structs.replace(each, endpoints_or_null=change(each.endpoints)) if each.service == owner else each
        for each in world.slices
    )
    await lab.proxy.load(target.node, replace(world, slices=slices))


async def _lost_jump(lab: Lab) -> str:
    node = lab.nodes[0]
    place = places.node(node.name)
    if lab.means.proxy == "iptables":
        rule = ["-m", "comment", "--comment", "kubernetes service portals", "-j", "KUBE-SERVICES"]
        await lab.ground.run(place, ["iptables", "-t", "nat", "-D", "PREROUTING", *rule])
        return f"on {node.name}, nat PREROUTING no longer jumps to KUBE-SERVICES"
    await lab.ground.must(place, ["nft", "flush", "chain", "ip", "kube-proxy", "nat-prerouting"])
    return f"on {node.name}, chain nat-prerouting no longer jumps to services"


async def _lost_entrance(lab: Lab) -> str:
    target = service_port(lab)
    plan = target.plan
    if lab.means.proxy == "iptables":
        saved = await lab.ground.must(target.place, ["iptables-save", "-t", "nat"])
        for rule in saved.splitlines():
            if rule.startswith("-A KUBE-SERVICES ") and rule.endswith(f"-j {_internal_chain(target)}"):
                delete = shlex.split(rule.replace("-A", "-D", 1))
                await lab.ground.must(target.place, ["iptables", "-t", "nat", *delete])
    else:
        element = f"{{ {plan.cluster_ip} . {plan.protocol} . {plan.port} }}"
        await lab.ground.run(
            target.place, ["nft", "delete", "element", "ip", "kube-proxy", "service-ips", element]
        )
    return f"on {target.node.name}, no rule leads from {plan.cluster_ip}:{plan.port} to {target.service}"


async def _rules_gone(lab: Lab) -> str:
    node = lab.nodes[0]
    place = places.node(node.name)
    if lab.means.proxy == "iptables":
        saved = await lab.ground.must(place, ["iptables-save", "-t", "nat"])
        others = [line for line in saved.splitlines() if "KUBE-" not in line]
        await lab.ground.must(place, ["iptables-restore"], "\n".join(others) + "\n")
        return f"on {node.name}, nothing of the proxy is left in the nat table"
    await lab.ground.run(place, ["nft", "delete", "table", "ip", "kube-proxy"])
    return f"on {node.name}, table ip kube-proxy is gone"


async def _no_masquerade(lab: Lab) -> str:
    if lab.means.proxy == "iptables":
        chain, flush = "KUBE-POSTROUTING", ["iptables", "-t", "nat", "-F", "KUBE-POSTROUTING"]
    else:
        chain, flush = "masquerading", ["nft", "flush", "chain", "ip", "kube-proxy", "masquerading"]
    for node in lab.nodes:
        await lab.ground.must(places.node(node.name), flush)
    return f"on every node, chain {chain} is empty: marked packets keep their source"


async def _forward_drop(lab: Lab) -> str:
    node = lab.nodes[0]
    await _firewall(lab, "forward", "drop")
    return f"on {node.name}, the host's firewall drops everything that is forwarded"


async def _node_port_firewall(lab: Lab) -> str:
    target = service_port(lab, node_port=True)
    port = str(target.plan.node_port)
    await _firewall(lab, "prerouting", f"{target.plan.protocol} dport {port} drop")
    return f"on {target.node.name}, the host's firewall drops what comes in for node port {port}"


async def _firewall(lab: Lab, hook: str, rule: str) -> None:
    """Loads one rule in a table of its own, ahead of any proxy's, on the first node."""
    priority = "raw" if hook == "prerouting" else "filter - 10"
    await _firewall_off(lab)
    script = f"""\
table {FIREWALL_TABLE} {{
  chain {hook} {{
    type filter hook {hook} priority {priority}; policy accept;
    {rule}
  }}
}}
"""
    await lab.ground.must(places.node(lab.nodes[0].name), ["nft", "-f", "-"], script)


async def _firewall_off(lab: Lab) -> None:
    script = f"table {FIREWALL_TABLE}\ndelete table {FIREWALL_TABLE}\n"
    await lab.ground.must(places.node(lab.nodes[0].name), ["nft", "-f", "-"], script)


FAULTS = (
    Fault(
        "chain-emptied",
        "The Service has endpoints, yet one node gives up on it: its chain chooses nobody. kube-proxy"
        " rewrites a chain only when its Service changes, so compare rules with slices, node by node.",
        _empty_chain,
        _reload,
    ),
    Fault(
        "stale-backend",
        "One share of the connections from one node hangs: its rules still send to an address that no pod"
        " has. The slices are right; the node is behind.",
        _stale_backend,
        _reload,
    ),
    Fault(
        "missing-backend",
        "Nothing fails, but one pod gets no traffic from one node: its rules never learned of it. Balance"
        " measured from one vantage does not prove the others.",
        _missing_backend,
        _reload,
    ),
    Fault(
        "lost-jump",
        "All Services fail for pods and outsiders of one node, while the node's own processes still reach"
        " them (they pass OUTPUT). The chains are complete; nobody enters them.",
        _lost_jump,
        _reload,
    ),
    Fault(
        "lost-entrance",
        "One Service fails on one node, though all its chains are there: nothing leads to them from its"
        " cluster IP any more. In nftables mode the packet is refused, as one to a wrong port is; in iptables"
        " mode it leaves for where no host is.",
        _lost_entrance,
        _reload,
    ),
    Fault(
        "rules-gone",
        "No Service works from one node, and pods are reached there as ever: nothing of the service proxy is"
        " left. kube-proxy does not run, or somebody has flushed the rules beneath it.",
        _rules_gone,
        _reload,
    ),
    Fault(
        "masquerade-missing",
        "A NodePort works when the chosen pod is on the node that was asked, and hangs when it is not:"
        " without masquerade the pod answers the client by another way, and the client knows no such"
        " connection.",
        _no_masquerade,
        _reload,
    ),
    Fault(
        "forward-drop",
        "The node reaches everything, its pods reach nothing beyond it: DNAT happens, and then a firewall"
        " drops what is forwarded. An accept in one table does not overrule a drop in another.",
        _forward_drop,
        _firewall_off,
    ),
    Fault(
        "node-port-firewall",
        "The NodePort answers on every node but one, in silence: the packet is dropped before any rule of the"
        " proxy sees it. There is no socket to look for: since 1.24 the rules are the only proof.",
        _node_port_firewall,
        _firewall_off,
    ),
)
