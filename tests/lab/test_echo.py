"""The echo server over real sockets on loopback: HTTP, lines, datagrams."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kinspect.lab.echo import About, Servers

ABOUT = About("web-0", "shop", "node1", ["A=1", "B=2"])


@asynccontextmanager
async def echo(kind: socket.SocketKind = socket.SOCK_STREAM) -> AsyncIterator[int]:
    opened = socket.socket(socket.AF_INET, kind)
    opened.bind(("127.0.0.1", 0))
    opened.setblocking(False)
    port = opened.getsockname()[1]
    servers = Servers()
    await servers.serve(ABOUT, opened, None)
    try:
        yield port
    finally:
        servers.close()
        await asyncio.sleep(0)  # lets the transports close their sockets


async def say(port: int, words: bytes, answers: int = 1) -> list[bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(words)
    lines = []
    for _ in range(answers):
        async with asyncio.timeout(5):
            lines.append(await reader.readline())
    writer.close()
    await writer.wait_closed()
    return lines


def test_http_tells_who_asked_and_what() -> None:
    async def scenario() -> dict[str, Any]:
        async with echo() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            told: dict[str, Any] = {}
            for path in ("/first", "/second"):  # one connection serves both
                writer.write(f"GET {path} HTTP/1.1\r\nHost: web\r\nX-Token: t\r\n\r\n".encode())
                async with asyncio.timeout(5):
                    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                    length = int(head.partition("content-length: ")[2].split("\r\n")[0])
                    told = json.loads(await reader.readexactly(length))
            told["mine"] = "{}:{}".format(*writer.get_extra_info("sockname"))
            writer.close()
            await writer.wait_closed()
            return told

    told = asyncio.run(scenario())
    assert (told["pod"], told["namespace"], told["node"]) == ("web-0", "shop", "node1")
    assert told["client"] == told["mine"]
    assert (told["path"], told["headers"]["x-token"], told["proto"]) == ("/second", "t", "http")
    assert told["raw"].startswith("GET /second HTTP/1.1\r\n")


def test_anything_else_over_tcp_is_answered_by_lines() -> None:
    async def scenario() -> list[bytes]:
        async with echo() as port:
            return await say(port, b"hello there\n")

    [line] = asyncio.run(scenario())
    assert json.loads(line)["raw"] == "hello there\n"


def test_environment_and_broken_http() -> None:
    async def scenario() -> tuple[list[bytes], list[bytes]]:
        async with echo() as port:
            asked = b"GET /env HTTP/1.0\r\n\r\n"
            return await say(port, asked, 8), await say(port, b"GET / HTTP/1.1\r\n: bad\r\n\r\n", 1)

    answered, broken = asyncio.run(scenario())
    assert b"A=1\n" in answered and b"B=2\n" in answered
    assert broken == [b""]  # cut off


def test_datagrams() -> None:
    async def scenario() -> bytes:
        async with echo(socket.SOCK_DGRAM) as port:
            loop = asyncio.get_running_loop()
            with socket.socket(type=socket.SOCK_DGRAM) as client:
                client.setblocking(False)
                await loop.sock_connect(client, ("127.0.0.1", port))
                await loop.sock_sendall(client, b"token")
                async with asyncio.timeout(5):
                    return await loop.sock_recv(client, 4096)

    told = json.loads(asyncio.run(scenario()))
    assert (told["proto"], told["raw"]) == ("udp", "token")
