"""Makes many connections from where it is started and says how each ended. One file, standard library only.

Argument: how many at a time. stdin: one JSON array of cases {"id", "protocol", "address", "port"}, where the
protocol is "TCP" or "UDP". stdout: one line of JSON per case, as soon as it is known:

    outcome  answered   the echo server spoke: "pod" says which, "at" on which of its addresses,
                        "seen" which client it saw
             connected  TCP only: the handshake was made, but no answer came
             refused    at once, by an ICMP error: a rule on the way says no
             reset      at once, by a TCP reset: it got to a host where nothing listens
             silent     nothing came back in time
    source   the address and port that it was made from, by which connection tracking knows it
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from typing import Any

CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 8.0
"""The kernel makes a connection by itself; the server may be slow on a busy machine."""
IP_RECVERR = 11
REQUEST = b"GET / HTTP/1.1\r\nHost: echo\r\nConnection: close\r\n\r\n"

Told = dict[str, Any]


async def tcp(connection: socket.socket, address: tuple[str, int]) -> Told:
    """One request over one connection."""
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await asyncio.get_running_loop().sock_connect(connection, address)
    except ConnectionRefusedError:
        return {"outcome": "refused" if by_icmp(connection) else "reset"}
    except OSError:  # a TimeoutError, or no router knows a way
        return {"outcome": "silent"}
    reader, writer = await asyncio.open_connection(sock=connection)
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            writer.write(REQUEST)
            return heard((await reader.read()).partition(b"\r\n\r\n")[2])
    except (OSError, ValueError):
        return {"outcome": "connected"}
    finally:
        writer.close()


async def udp(connection: socket.socket, address: tuple[str, int]) -> Told:
    """One datagram and its answer."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            await loop.sock_connect(connection, address)
            with contextlib.suppress(PermissionError):  # dropped on its way out; an ICMP error may follow
                await loop.sock_sendall(connection, b"hello\n")
            return heard(await loop.sock_recv(connection, 65536))
    except ConnectionRefusedError:
        return {"outcome": "refused"}
    except OSError:
        return {"outcome": "silent"}
    finally:
        connection.close()


def source_for(address: str) -> str:
    """The local address that the kernel would use: connecting a UDP socket sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect((address, 9))
        return str(asking.getsockname()[0])


def by_icmp(connection: socket.socket) -> bool:
    """Whether an ICMP error has refused the connection: the kernel has then kept it. ip(7), IP_RECVERR."""
    try:
        connection.recvmsg(1, 256, socket.MSG_ERRQUEUE)
    except BlockingIOError:
        return False
    return True


def heard(body: bytes) -> Told:
    """Who the echo server says it is, and whom it saw."""
    said = json.loads(body)
    pod = f"{said['namespace']}/{said['pod']}"
    return {"outcome": "answered", "pod": pod, "at": said["local"], "seen": said["client"]}


def unused(kind: socket.SocketKind, address: str, taken: set[int]) -> socket.socket:
    """A socket on a local port that none had before: a tuple that came twice would be one flow.

    It is bound to its address too, which a refused socket would forget.
    """
    source = source_for(address)
    while True:
        connection = socket.socket(socket.AF_INET, kind)
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        connection.bind((source, 0))
        port = connection.getsockname()[1]
        if port not in taken:
            taken.add(port)
            return connection
        connection.close()


async def one(case: Told, free: asyncio.Semaphore, taken: set[int]) -> None:
    """Makes the connection of one case and tells of it."""
    how, kind = (tcp, socket.SOCK_STREAM) if case["protocol"] == "TCP" else (udp, socket.SOCK_DGRAM)
    async with free:
        with unused(kind, case["address"], taken) as connection:
            told = {"id": case["id"], "source": connection.getsockname()}
            told |= await how(connection, (case["address"], case["port"]))
    print(json.dumps(told), flush=True)


async def main() -> None:
    """All cases."""
    free = asyncio.Semaphore(int(sys.argv[1]))
    taken: set[int] = set()
    async with asyncio.TaskGroup() as tasks:
        for case in json.load(sys.stdin):
            tasks.create_task(one(case, free, taken))


if __name__ == "__main__":
    asyncio.run(main())
