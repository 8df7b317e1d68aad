"""The nftables script against what a real kube-proxy 1.36.3 programmed from the same objects."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from kinspect.lab.proxy.nftables import render
from kinspect.lab.proxy.world import World


@dataclass
class Container:
    """A chain, set or map: its declaration, and its rules in order or its elements in any."""

    declaration: set[str] = field(default_factory=set)
    rules: list[str] = field(default_factory=list)
    elements: set[str] = field(default_factory=set)


Table = dict[tuple[str, str], Container]
SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def declared(text: str) -> str:
    """A declaration with its timeout in seconds, as nft prints "1m" for "60s"."""
    if not text.startswith("timeout "):
        return text
    parts = re.findall(r"(\d+)([dhms])", text)
    return f"timeout {sum(int(number) * SECONDS[unit] for number, unit in parts)}s"


def of_script(script: str) -> Table:
    """What a script of `add` commands declares."""
    table: Table = {}
    for line in script.splitlines():
        found = re.fullmatch(r"add (chain|set|map|element|rule) ip kube-proxy (\S+)(?: (.*))?", line)
        if not found:
            continue
        kind, name, rest = found[1], found[2], found[3] or ""
        if kind == "rule":
            table["chain", name].rules.append(rest)
        elif kind == "element":
            owner = table.get(("map", name)) or table["set", name]
            owner.elements.update(rest.removeprefix("{ ").removesuffix(" }").split(", "))
        else:
            parts = (part.strip() for part in rest.strip("{} ").split(" ; "))
            table[kind, name] = Container({declared(part.strip("; ")) for part in parts if part})
    return table


def of_listing(listing: str) -> Table:
    """What `nft list` shows of table `ip kube-proxy`, without the clients that affinity remembers."""
    body = listing.partition("table ip kube-proxy {")[2].partition("\n}")[0]
    table: Table = {}
    for kind, name, inside in re.findall(r"(?s)\n\t(chain|set|map) (\S+) \{\n(.*?)\n?\t\}", body):
        each = table[kind, name] = Container()
        elements = re.search(r"(?s)elements = \{(.*)\}", inside)
        if elements and "expires" not in elements[1]:
            each.elements = {re.sub(r"\s+", " ", part).strip() for part in elements[1].split(",")}
        for line in re.sub(r"(?s)elements = \{.*\}", "", inside).splitlines():
            text = line.strip()
            if kind != "chain" or text.startswith(("type ", "comment ")):
                each.declaration.update(declared(part) for part in re.split("; ?", text) if part)
            elif text:
                each.rules.append(text)
    return table


def without_leftovers(table: Table) -> Table:
    """Without the emptied chains of endpoints that are gone, which kube-proxy deletes a little later."""
    return {key: each for key, each in table.items() if not key[1].startswith("endpoint-") or each.rules}


def test_equals_the_recorded_node(world: World, recorded: Callable[[str], str]) -> None:
    real = without_leftovers(of_listing(recorded("node3-nft-ruleset.txt")))
    script = render(world, "node3")
    assert {**of_script(script), **firewall_as_merged(script)} == real
    assert len(real) > 60


def test_without_flags_it_takes_the_defaults(world: World) -> None:
    """Node ports at the primary address only; strangers cannot be told from pods without a cluster CIDR."""
    bare = replace(world, cluster_cidr="", service_cidrs=(), node_port_addresses=None)
    table = of_script(render(bare, "node3"))
    assert table["set", "nodeport-ips"].elements == {"192.0.2.13"}
    assert len(table["chain", "services"].rules) == 2
    assert len(table["chain", "cluster-ips-check"].rules) == 1
    assert not any("short-circuit pod" in rule for each in table.values() for rule in each.rules)


def test_node_ports_at_every_address_but_loopback(world: World) -> None:
    table = of_script(render(replace(world, node_port_addresses=("0.0.0.0/0",)), "node3"))
    assert ("set", "nodeport-ips") not in table
    last = table["chain", "services"].rules[-1]
    assert last.startswith("fib daddr type local ip daddr != 127.0.0.0/8 ")


@pytest.mark.lab
def test_the_kernel_takes_it_and_gives_it_back(world: World, in_namespace: Callable[[str, str], str]) -> None:
    script = render(world, "node3")
    listing = in_namespace("nft -f - && nft list ruleset", script)
    assert of_listing(listing) == {**of_script(script), **firewall_as_merged(script)}


@pytest.mark.lab
def test_a_second_load_replaces_rules_but_remembers_clients(
    world: World, in_namespace: Callable[[str, str], str]
) -> None:
    client = (
        "add element ip kube-proxy affinity-RN3ECQ7X-shop/echo-aff/tcp/http__10.244.2.8/8080 { 10.9.9.9 }"
    )
    script = render(world, "node3")
    command = f'script=$(cat); echo "$script" | nft -f - && nft \'{client}\' && echo "$script" | nft -f -'
    listing = in_namespace(f"{command} && nft list ruleset", script)
    assert "10.9.9.9 expires" in listing
    assert of_listing(listing) == {**of_script(script), **firewall_as_merged(script)}


def firewall_as_merged(script: str) -> Table:
    """nft merges the balancer's own address into a range that holds it."""
    return {
        key: Container(rules=[rule.replace(", 192.0.2.200", "") for rule in each.rules])
        for key, each in of_script(script).items()
        if key[1].startswith("firewall-6P6XBRRB")
    }
