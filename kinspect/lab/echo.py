"""What every container of the lab runs: a server that says who it is, who asked, and what it was sent.

One process serves all pods: the sockets were made in the pods' network namespaces and stay there. A TCP port
answers HTTP where it is spoken to in HTTP, and any other line with one line of JSON; a UDP port answers each
datagram. `/env` answers the pod's environment, as it was computed when the pod started.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from typing import Any, NamedTuple, cast

import h11

MAXIMUM_BODY = 1 << 20
LONGEST_CONNECTION_S = 300.0


class About(NamedTuple):
    """Who answers."""

    pod: str
    namespace: str
    node: str
    environment: list[str]

    def answer(self, protocol: str, client: Any, local: Any, raw: bytes, **more: Any) -> bytes:
        """One line of JSON. `raw` is what was received, as text."""
        told = {
            "pod": self.pod,
            "namespace": self.namespace,
            "node": self.node,
            "client": f"{client[0]}:{client[1]}",
            "local": f"{local[0]}:{local[1]}",
            "proto": protocol,
            "raw": raw.decode("utf-8", "replace"),
            **more,
        }
        return json.dumps(told).encode() + b"\n"


class StreamEcho(asyncio.Protocol):
    """One TCP connection, HTTP or not."""

    def __init__(
        self, about: About, open_transports: set[asyncio.Transport | asyncio.DatagramTransport]
    ) -> None:
        self.about = about
        self.open = open_transports
        self.http: h11.Connection | None = None
        self.received = b""
        self.request: h11.Request | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.open.add(self.transport)
        self.end = asyncio.get_running_loop().call_later(LONGEST_CONNECTION_S, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open.discard(self.transport)
        self.end.cancel()

    def data_received(self, data: bytes) -> None:
        self.received = (self.received + data)[-MAXIMUM_BODY:]
        if self.http is not None or _looks_like_http(self.received):
            self._http_data(data if self.http is not None else self.received)
        elif b"\n" in self.received:
            self.transport.write(self.about.answer("tcp", *self._ends(), self.received))
            self.received = b""

    def _http_data(self, data: bytes) -> None:
        self.http = self.http or h11.Connection(h11.SERVER)
        try:
            self.http.receive_data(data)
            while self._http_event(self.http):
                pass
        except h11.RemoteProtocolError:
            self.transport.close()

    def _http_event(self, http: h11.Connection) -> bool:
        """Handles one event; false when more bytes are needed or the connection is done."""
        event = http.next_event()
        if isinstance(event, h11.Request):
            self.request = event
        elif isinstance(event, h11.EndOfMessage):
            self._respond(http)
        elif isinstance(event, h11.ConnectionClosed):
            self.transport.close()
        return isinstance(event, h11.Request | h11.Data | h11.EndOfMessage)

    def _respond(self, http: h11.Connection) -> None:
        assert self.request is not None
        body = self._body(self.request)
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("X-Pod", self.about.pod),
        ]
        out = http.send(h11.Response(status_code=200, headers=headers)) or b""
        if self.request.method != b"HEAD":
            out += http.send(h11.Data(data=body)) or b""
        out += http.send(h11.EndOfMessage()) or b""
        self.transport.write(out)
        self.received = b""
        if http.our_state is h11.MUST_CLOSE:
            self.transport.close()
        else:
            http.start_next_cycle()

    def _body(self, request: h11.Request) -> bytes:
        path = request.target.decode("ascii", "replace")
        if path.partition("?")[0] == "/env":
            return "\n".join(self.about.environment).encode() + b"\n"
        headers = {name.decode(): value.decode("latin-1") for name, value in request.headers}
        tls = self.transport.get_extra_info("ssl_object")
        return self.about.answer(
            "http",
            *self._ends(),
            self.received,
            method=request.method.decode(),
            path=path,
            headers=headers,
            tls=None if tls is None else tls.version(),
        )

    def _ends(self) -> tuple[Any, Any]:
        return self.transport.get_extra_info("peername"), self.transport.get_extra_info("sockname")


class DatagramEcho(asyncio.DatagramProtocol):
    """One UDP port."""

    def __init__(self, about: About) -> None:
        self.about = about

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        local = self.transport.get_extra_info("sockname")
        self.transport.sendto(self.about.answer("udp", addr, local, data), addr)


class Servers:
    """The open ports of one pod."""

    def __init__(self) -> None:
        self._servers: list[asyncio.Server] = []
        self._transports: set[asyncio.Transport | asyncio.DatagramTransport] = set()

    async def serve(self, about: About, opened: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Answers on a bound socket; a TCP one need not listen yet."""
        loop = asyncio.get_running_loop()
        if opened.type == socket.SOCK_DGRAM:
            transport, _ = await loop.create_datagram_endpoint(lambda: DatagramEcho(about), sock=opened)
            self._transports.add(transport)
        else:
            factory = lambda: StreamEcho(about, self._transports)  # noqa: E731
            self._servers.append(await loop.create_server(factory, sock=opened, ssl=tls))

    def close(self) -> None:
        """Ends the servers and every connection: an open socket would keep its network namespace."""
        for server in self._servers:
            server.close()
        for transport in tuple(self._transports):
            transport.abort()


def _looks_like_http(data: bytes) -> bool:
    method, _, rest = data.partition(b" ")
    return (
        method.isalpha()
        and method.isupper()
        and rest.startswith((b"/", b"*", b"http://"))
        and len(method) <= 10
    )
