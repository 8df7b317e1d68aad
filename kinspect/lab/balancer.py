"""The balancer in front of the nodes: the way to the addresses of LoadBalancer Services.

`ipMode: VIP` (the default): a router. The address is routed to the nodes, equally over all that are healthy,
and arrives there unchanged: the service proxy takes it. Connections keep their node by a hash of addresses
and ports. `ipMode: Proxy`: the balancer owns the address, rewrites it to a node and its node port, and hides
the client behind its own address.

With externalTrafficPolicy Local only nodes are used whose health-check port answers 200; it is asked, as real
balancers do, over the network. Source: KEP-1860 (ipMode); the data paths of real balancers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from kinspect.lab import places
from kinspect.lab.addresses import NodeAddresses
from kinspect.lab.facts import Facts
from kinspect.lab.ground import Ground
from kinspect.model.service import Service

CHECK_TIMEOUT_S = 0.5
CHECK_EVERY_S = 1.0


class Frontend(NamedTuple):
    """One address of one Service, and the nodes behind it."""

    address: str
    mode: str
    service: Service
    nodes: tuple[NodeAddresses, ...]


class Balancer:
    """Keeps the balancer's routes and translations as the Services say."""

    def __init__(self, ground: Ground, facts: Facts, nodes: Sequence[NodeAddresses]) -> None:
        self.ground, self.facts, self.nodes = ground, facts, tuple(nodes)
        self._routes: dict[str, str] = {}
        self._translations = ""
        self._settling = asyncio.Lock()

    async def run(self) -> None:
        """Follows the facts until cancelled, and asks the health-check ports every second."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._poll())
            # Slices count too: they decide whether a node is healthy.
            async for _ in self.facts.changes("Service", "EndpointSlice"):
                await self.settle()

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            if any(service.spec.health_check_node_port for service in self.facts.of(Service)):
                await self.settle()

    async def settle(self) -> None:
        """Routes every address to the nodes that are healthy now."""
        async with self._settling:
            await self._settle()

    async def _settle(self) -> None:
        frontends = [
            Frontend(entry.ip, entry.ip_mode or "VIP", service, await self._healthy(service))
            for service in self.facts.of(Service)
            if service.spec.type == "LoadBalancer"
            for entry in service.status.load_balancer.ingress
            if entry.ip
        ]
        await self._route([each for each in frontends if each.mode == "VIP"])
        await self._translate([each for each in frontends if each.mode == "Proxy"])

    async def _healthy(self, service: Service) -> tuple[NodeAddresses, ...]:
        port = service.spec.health_check_node_port
        if not port:
            return self.nodes
        answers = await asyncio.gather(*(self._check(node, port) for node in self.nodes))
        return tuple(node for node, healthy in zip(self.nodes, answers, strict=True) if healthy)

    async def _check(self, node: NodeAddresses, port: int) -> bool:
        [opened] = await self.ground.sockets(places.BALANCER, [("TCP", "0.0.0.0", 0)])
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                await asyncio.get_running_loop().sock_connect(opened, (str(node.address), port))
                reader, writer = await asyncio.open_connection(sock=opened)
                writer.write(f"GET / HTTP/1.0\r\nHost: {node.address}\r\n\r\n".encode())
                answer = await reader.readline()
                writer.close()
        except (OSError, TimeoutError):
            return False
        finally:
            opened.close()
        return b" 200 " in answer

    async def _route(self, frontends: Sequence[Frontend]) -> None:
        wanted = {
            each.address: " ".join(f"nexthop via {node.address} dev eth0" for node in each.nodes)
            for each in frontends
        }
        commands = [f"route del {address}" for address in self._routes if not wanted.get(address)]
        commands += [
            f"route replace {address} {hops}"
            for address, hops in wanted.items()
            if hops and self._routes.get(address) != hops
        ]
        await self.ground.ip(places.BALANCER, commands)
        self._routes = {address: hops for address, hops in wanted.items() if hops}

    async def _translate(self, frontends: Sequence[Frontend]) -> None:
        text = translations(frontends)
        if text != self._translations:
            await self.ground.must(places.BALANCER, ["nft", "-f", "-"], text)
            self._translations = text


def translations(frontends: Sequence[Frontend]) -> str:
    """The nft script of the balancer's proxied addresses; it may be loaded again and again."""
    rules = []
    for each in frontends:
        for port in each.service.spec.ports:
            if not (port.node_port and each.nodes):
                continue
            protocol = port.protocol.lower()
            choice = ", ".join(f"{i} : {n.address} . {port.node_port}" for i, n in enumerate(each.nodes))
            match = f"ip daddr {each.address} {protocol} dport {port.port}"
            rules.append(f"    {match} dnat ip to numgen random mod {len(each.nodes)} map {{ {choice} }}")
    body = "\n".join(rules)
    return f"""\
table ip balancer
delete table ip balancer
table ip balancer {{
  chain choose {{
    type nat hook prerouting priority dstnat; policy accept;
{body}
  }}
  chain hide {{
    type nat hook postrouting priority srcnat; policy accept;
    ct status dnat masquerade
  }}
}}
"""
