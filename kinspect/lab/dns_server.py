"""Serves a zone on sockets that others opened, as the lab's DNS pods do: UDP and TCP, until cancelled.

A malformed message gets no answer. A TCP client may ask many times, and is cut off when it is silent for
long; the kernel's backlog bounds how many wait.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from kinspect.lab.dns import reply
from kinspect.lab.dns_zone import Zone

_TCP_IDLE_S = 10.0


class DnsServer:
    """`zone` is asked anew for every query, so that answers follow the API at once."""

    def __init__(self, zone: Callable[[], Zone]) -> None:
        self._zone = zone

    async def serve(self, udp: socket.socket, tcp: socket.socket) -> None:
        """Answers on a bound UDP and a listening TCP socket, and closes both when it is cancelled."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self._zone), sock=udp)
        try:
            async with await asyncio.start_server(self._client, sock=tcp) as server:
                await server.serve_forever()
        finally:
            transport.close()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                async with asyncio.timeout(_TCP_IDLE_S):
                    length = int.from_bytes(await reader.readexactly(2), "big")
                    said = reply(await reader.readexactly(length), self._zone(), over_udp=False)
                    if said is None:
                        return
                    writer.write(said)
                    await writer.drain()
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError):
            pass  # the client is done, or gone
        finally:
            writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, zone: Callable[[], Zone]) -> None:
        self._zone = zone
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Python 3.11's transport for datagrams is one without saying so, so isinstance would not do.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        said = reply(data, self._zone(), over_udp=True)
        if said and self._transport:
            self._transport.sendto(said, addr)
