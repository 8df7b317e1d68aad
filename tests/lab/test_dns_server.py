"""The DNS server on loopback sockets, asked by dnspython's own clients."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import dns.asyncquery
import dns.flags
import dns.message

from kinspect.lab.dns import reply
from kinspect.lab.dns_server import DnsServer
from kinspect.lab.dns_zone import Zone
from kinspect.model.endpointslice import Endpoint, EndpointSlice
from kinspect.model.meta import Meta
from kinspect.model.service import Service, ServiceSpec

NAME = "big.a.svc.cluster.local."
ZONE = Zone(
    services=(Service(metadata=Meta("big", "a"), spec=ServiceSpec(cluster_ip="None")),),
    slices=(
        EndpointSlice(
            metadata=Meta("big-1", "a", labels={"kubernetes.io/service-name": "big"}),
            endpoints_or_null=tuple(Endpoint((f"10.0.0.{n}",)) for n in range(1, 101)),
        ),
    ),
    namespaces=frozenset({"a"}),
)


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[int]:
    """A server on loopback; gives its port, and leaves nothing open."""
    tcp = socket.create_server(("127.0.0.1", 0))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(tcp.getsockname())
    async with asyncio.TaskGroup() as group:
        task = group.create_task(DnsServer(lambda: ZONE).serve(udp, tcp))
        yield tcp.getsockname()[1]
        task.cancel()
    assert udp.fileno() == tcp.fileno() == -1


def test_udp_says_truncated_and_tcp_tells_all() -> None:
    async def scenario() -> None:
        async with serving() as port:
            query = dns.message.make_query(NAME, "A")
            short = await dns.asyncquery.udp(query, "127.0.0.1", timeout=5, port=port)
            assert short.flags & dns.flags.TC
            full = await dns.asyncquery.tcp(query, "127.0.0.1", timeout=5, port=port)
            assert len(full.answer[0]) == 100

    asyncio.run(scenario())


def test_garbage_is_not_answered_and_does_not_stop_it() -> None:
    async def scenario() -> None:
        async with serving() as port:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.sendto(b"\x00", ("127.0.0.1", port))
                client.sendto(bytes(600), ("127.0.0.1", port))
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"\x00\x03abc")
            assert await reader.read() == b""
            writer.close()
            after = await dns.asyncquery.udp(
                dns.message.make_query(NAME, "A"), "127.0.0.1", timeout=5, port=port
            )
            assert after.flags & dns.flags.AA

    asyncio.run(scenario())


def test_a_response_is_never_answered() -> None:
    query = dns.message.make_query(NAME, "A")
    query.flags |= dns.flags.QR
    assert reply(query.to_wire(), ZONE, over_udp=True) is None
