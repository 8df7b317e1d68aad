"""The API server's address inside: what the Service `kubernetes` leads to.

The server itself listens on this machine's loopback; here each connection from inside is joined to one there,
byte for byte. TLS and the token are the server's own matter.
"""

from __future__ import annotations

import asyncio

from kinspect.lab import addresses, places
from kinspect.lab.ground import Ground

PORT = 6443
_CHUNK = 1 << 16


async def serve(ground: Ground, api_port: int) -> None:
    """Passes connections on until cancelled."""

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", api_port)
        except ConnectionError:
            writer.close()
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_copy(reader, far_writer))
            tasks.create_task(_copy(far_reader, writer))

    [opened] = await ground.sockets(places.BALANCER, [("TCP", str(addresses.API_SERVER), PORT)])
    server = await asyncio.start_server(join, sock=opened)
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        server.close()  # not waited for: connections last as long as those who hold them


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copies one direction to its end."""
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass  # one side went away: the other is told by the close
    finally:
        writer.close()
