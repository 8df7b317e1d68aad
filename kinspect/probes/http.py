"""An HTTP/1.1 exchange without sockets: bytes out, bytes in, an answer. The only door to h11.

The caller sends what `request` returns, feeds what comes to `feed`, and stops when that returns an Answer.
Malformed answers are an Answer with an `error`: bad news from the network is data.
"""

from __future__ import annotations

from typing import NamedTuple

import h11

BODY_LIMIT = 64 << 10
"""How much of a body is kept; the rest is read and forgotten."""


class Answer(NamedTuple):
    """What the server said. `status` 0 and an `error` = it did not speak HTTP, or stopped in the middle."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    error: str


class HTTPProbe:
    """One request and its answer."""

    def __init__(self) -> None:
        self._connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=BODY_LIMIT)
        self._status = 0
        self._headers: tuple[tuple[str, str], ...] = ()
        self._body = bytearray()

    def request(self, host: str, path: str, headers: tuple[tuple[str, str], ...] = ()) -> bytes:
        """The bytes of a GET request, whose connection is to be closed after the answer."""
        fields = [("Host", host), ("User-Agent", "kinspect"), ("Connection", "close"), *headers]
        head = self._connection.send(h11.Request(method="GET", target=path, headers=fields))
        end = self._connection.send(h11.EndOfMessage())
        return (head or b"") + (end or b"")

    def feed(self, data: bytes) -> Answer | None:
        """The answer once it is complete, else None. b"" = the server has closed the connection."""
        try:
            self._connection.receive_data(data)
            while True:
                event = self._connection.next_event()
                if event is h11.NEED_DATA:
                    return None
                if isinstance(event, h11.Response):
                    self._status = event.status_code
                    self._headers = tuple((_text(name), _text(value)) for name, value in event.headers)
                elif isinstance(event, h11.Data):
                    self._body += event.data[: max(0, BODY_LIMIT - len(self._body))]
                elif isinstance(event, (h11.EndOfMessage, h11.ConnectionClosed)) or event is h11.PAUSED:
                    return self._answer("" if self._status else "it closed the connection without an answer")
        except h11.RemoteProtocolError as error:
            return self._answer(str(error))

    def _answer(self, error: str) -> Answer:
        return Answer(self._status, self._headers, bytes(self._body), error)


def _text(data: bytes) -> str:
    return data.decode("latin-1")
