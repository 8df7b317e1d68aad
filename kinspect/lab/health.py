"""The HTTP ports of each node's service proxy: 10256 for the node, and a health-check port per local Service.

The sockets lie in the nodes' networks. Source: kube-proxy pkg/proxy/healthcheck, answers of a running 1.36.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial

from aiohttp import web

from kinspect.lab import places
from kinspect.lab.addresses import NodeAddresses
from kinspect.lab.facts import Facts
from kinspect.lab.ground import Ground
from kinspect.model.endpointslice import EndpointSlice
from kinspect.model.service import Service

PROXY_PORT = 10256
_SERVICE_LABEL = "kubernetes.io/service-name"
_PLAIN = {"X-Content-Type-Options": "nosniff"}

Listener = tuple[str, int]  # node name, port
Handler = Callable[[web.Request], Awaitable[web.Response]]


class ProxyHealth:
    """Serves the health ports of all nodes."""

    def __init__(self, ground: Ground, facts: Facts, nodes: Sequence[NodeAddresses]) -> None:
        self.ground, self.facts, self.nodes = ground, facts, nodes
        self._open: dict[Listener, web.AppRunner] = {}

    async def run(self) -> None:
        """Follows the facts until cancelled."""
        try:
            for node in self.nodes:
                await self._serve(node, PROXY_PORT, _proxy_health)
            async for _ in self.facts.changes("Service"):
                await self._settle()
        finally:
            for runner in self._open.values():
                await runner.cleanup()

    async def _settle(self) -> None:
        wanted = set(_health_check_ports(self.facts.of(Service)))
        for node, port in [key for key in self._open if key[1] not in wanted | {PROXY_PORT}]:
            await self._open.pop((node, port)).cleanup()
        for each in self.nodes:
            for port in wanted:
                if (each.name, port) not in self._open:
                    await self._serve(each, port, partial(self._service_health, each.name, port))

    async def _serve(self, node: NodeAddresses, port: int, handler: Handler) -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        [opened] = await self.ground.sockets(places.node(node.name), [("TCP", "0.0.0.0", port)])
        await web.SockSite(runner, opened).start()
        self._open[node.name, port] = runner

    async def _service_health(self, node: str, port: int, request: web.Request) -> web.Response:
        found = (s for s in self.facts.of(Service) if s.spec.health_check_node_port == port)
        service = next(found, None)
        if service is None:
            return web.Response(status=503)  # deleted while this port was being closed
        count = local_ready(service, self.facts.of(EndpointSlice), node)
        told = {
            "service": {"namespace": service.metadata.namespace, "name": service.metadata.name},
            "localEndpoints": count,
            "serviceProxyHealthy": True,
        }
        return web.Response(
            text=json.dumps(told, indent="\t"),
            status=200 if count else 503,
            content_type="application/json",
            headers={**_PLAIN, "X-Load-Balancing-Endpoint-Weight": str(count)},
        )


async def _proxy_health(request: web.Request) -> web.Response:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    told = {
        "lastUpdated": now,
        "currentTime": now,
        "nodeEligible": True,
        "healthy": True,
        "status": {"IPv4": {"lastUpdated": now, "healthy": True}},
    }
    if request.path == "/livez":
        del told["nodeEligible"]
    return web.json_response(told, headers=_PLAIN)


def _health_check_ports(services: Sequence[Service]) -> Iterator[int]:
    for service in services:
        if service.spec.health_check_node_port:
            yield service.spec.health_check_node_port


def local_ready(service: Service, slices: Sequence[EndpointSlice], node: str) -> int:
    """How many ready endpoints of a Service are on this node, as its health check counts them."""
    meta = service.metadata
    return len(
        {
            endpoint.address
            for each in slices
            if (each.metadata.namespace, each.metadata.labels.get(_SERVICE_LABEL))
            == (meta.namespace, meta.name)
            for endpoint in each.endpoints
            if endpoint.node_name == node and endpoint.ready and not endpoint.terminating
        }
    )
