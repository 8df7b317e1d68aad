"""Carries out a method's instructions at a vantage: the only place that knows both methods and agents."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kinspect.asks.capture import Captures
from kinspect.asks.evidence import connection_tables
from kinspect.asks.ground import Point
from kinspect.errors import NotPermitted
from kinspect.trace.correlate import correlate
from kinspect.trace.large import largest
from kinspect.trace.methods import (
    ANSWER_DEADLINE_S,
    Attempt,
    Connect,
    Exchange,
    Exchanged,
    Failed,
    Instruction,
    Local,
    ReadTables,
    Receive,
    Send,
    Size,
    Steps,
    Transmit,
    Wait,
    Watch,
)
from kinspect.trace.packet import Packet
from kinspect.trace.sighting import Place

if TYPE_CHECKING:
    from kinspect.probes.http import Answer, HTTPProbe
    from kinspect.probes.tls import TLSLayer

TCP_INFO, TCP_INFO_LENGTH = 11, 104
TOKEN_HEADER = "X-Kinspect-Trace"


class Performer:
    """Carries out one attempt. Afterwards no socket of it is left. `large` False: no large packet is sent."""

    def __init__(
        self, vantage: Point, captures: Captures, points: Mapping[Place, Point], large: bool
    ) -> None:
        self._points = points
        self._vantage = vantage
        self._captures = captures
        self._socket: int | None = None
        self._large = large

    async def perform(self, steps: Steps) -> Attempt:
        """Runs the method to its end."""
        result: Any = None
        refusal: NotPermitted | None = None
        try:
            while True:
                instruction = steps.throw(refusal) if refusal else steps.send(result)
                try:
                    refusal, result = None, await self._do(instruction)
                except NotPermitted as error:
                    refusal = error
        except StopIteration as done:
            attempt: Attempt = done.value
            return attempt
        finally:
            await self._close()

    async def _do(self, instruction: Instruction) -> Any:
        match instruction:
            case Watch(program):
                return await self._captures.start(program)
            case Connect():
                return await self._connect(instruction)
            case Transmit(data):
                return await self._transmit(data)
            case Receive(deadline_s):
                return await self._receive(deadline_s)
            case Exchange():
                return await self._exchange(instruction)
            case Send(packet):
                reply = await self._call("send_packet", net=self._vantage.net, data=_text(packet))
                return Failed(reply["error"]) if reply["error"] else None
            case Wait():
                return await self._wait(instruction)
            case Size():
                return await self._size()
            case ReadTables(port):
                return await connection_tables(self._points, port)

    async def _call(self, op: str, **arguments: Any) -> Any:
        return await self._vantage.agent.call(op, **arguments)

    async def _connect(self, connect: Connect) -> Local | Failed:
        await self._close()
        result = await self._call(
            "connect",
            net=self._vantage.net,
            remote=[connect.address, connect.port],
            kind=connect.kind,
            sequence=connect.first,
            deadline_s=ANSWER_DEADLINE_S,
        )
        self._socket = result["socket"]
        return Failed(result["error"]) if result["error"] else Local(*result["local"])

    async def _transmit(self, data: bytes) -> Failed | None:
        result = await self._call("send", handle=self._socket, data=_text(data))
        return Failed(result["error"]) if result["error"] else None

    async def _receive(self, deadline_s: float) -> bytes | Failed:
        result = await self._call("receive", handle=self._socket, deadline_s=deadline_s)
        return Failed(result["error"]) if result["error"] else base64.b64decode(result["data"])

    async def _close(self) -> None:
        if self._socket is not None:
            handle, self._socket = self._socket, None
            await self._call("close", handle=handle)

    async def _size(self) -> int:
        if not self._large:
            return 0
        try:
            found = await self._call(
                "option", handle=self._socket, level=socket.IPPROTO_TCP, name=TCP_INFO, length=TCP_INFO_LENGTH
            )
        except OSError:
            return 0
        return largest(base64.b64decode(found["data"]))

    async def _wait(self, wait: Wait) -> Packet | None:
        here = self._vantage.place
        try:
            async with asyncio.timeout(wait.at_most_s):
                while True:
                    flow = correlate(wait.mark, self._captures.sightings)
                    for seen in flow.reply:
                        if seen.sighting.place == here:
                            return seen.sighting.packet
                    await self._captures.news()
        except TimeoutError:
            return None

    async def _exchange(self, exchange: Exchange) -> Exchanged | Failed:
        """Sends the request, over TLS if so, and reads the answer to its end."""
        from kinspect.probes.http import HTTPProbe  # here, since most traces send none
        from kinspect.probes.tls import TLSLayer

        probe = HTTPProbe()
        tls = TLSLayer(exchange.request.host) if exchange.request.scheme == "https" else None
        token = ((TOKEN_HEADER, exchange.token.decode("ascii")),)
        request = probe.request(exchange.request.host, exchange.request.path, token)
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                answer = await (self._over_tls(tls, probe, request) if tls else self._plain(probe, request))
        except TimeoutError:
            return Failed("ETIMEDOUT")
        except ssl.SSLError as error:
            return Failed(f"TLS: {error.reason}")
        if isinstance(answer, Failed):
            return answer
        return Exchanged(answer.status, answer.body) if answer.status else Failed(answer.error)

    async def _plain(self, probe: HTTPProbe, request: bytes) -> Answer | Failed:
        failed = await self._transmit(request)
        while failed is None:
            data = await self._receive(ANSWER_DEADLINE_S)
            if isinstance(data, Failed):
                return data
            answer = probe.feed(data)
            if answer is not None:
                return answer
        return failed

    async def _over_tls(self, tls: TLSLayer, probe: HTTPProbe, request: bytes) -> Answer | Failed:
        asked = False
        while True:
            tls.advance()
            if tls.established and not asked:
                tls.send(request)
                asked = True
            outgoing = tls.to_send()
            if outgoing and (failed := await self._transmit(outgoing)):
                return failed
            while asked and (plain := tls.received()) is not None:
                answer = probe.feed(plain)
                if answer is not None:
                    return answer
            data = await self._receive(ANSWER_DEADLINE_S)
            if isinstance(data, Failed):
                return data
            tls.feed(data)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
