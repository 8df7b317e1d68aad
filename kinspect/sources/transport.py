"""HTTP to one API server: requests of the machine in, what came of them out. The door of aiohttp.

Every exception of a library ends here. For the machine it becomes a Failed; for a person at the keyboard,
who has to do something about it, `explained` makes it one line and a hint.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import socket
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp

from kinspect import __version__
from kinspect.errors import KinspectError, Unreachable
from kinspect.model.kinds import Kind
from kinspect.sources import decoding, proxies
from kinspect.sources.credentials import Credentials, Login
from kinspect.sources.kubeconfig import Access
from kinspect.sources.messages import Batch, Ended, Event, Failed, List, Opened, Watch, WatchEvent
from kinspect.sources.splitting import Splitter

log = logging.getLogger(__name__)

CONNECT_S = 10.0
ANSWER_S = 60.0
PART = 500
"""Items of a whole list that are passed on together."""
LONGEST_LINE = 64 * 1024 * 1024

FOREIGN = (aiohttp.ClientError, TimeoutError, OSError, ValueError)
"""What a request can raise: the network, TLS, and addresses or headers that are none."""


class Answer(NamedTuple):
    """The body of an answer, and how long it took to come."""

    body: bytes
    took_s: float


class Transport:
    """One session with one server. Made, used and closed in one event loop."""

    def __init__(self, access: Access, request_timeout_s: float | None = None) -> None:
        self.access = access
        self._credentials = Credentials(access)
        self._refused: Login | None = None  # the last login that the server did not take
        self._warned: set[str] = set()
        self._answer_s = request_timeout_s or ANSWER_S
        self._connect_s = min(CONNECT_S, self._answer_s)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            headers={
                "User-Agent": f"kinspect/{__version__}",
                "Accept": "application/json",
                "Accept-Encoding": "gzip" if self._packed() else "identity",
            },
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,  # it would send passwords from ~/.netrc, and not read NO_PROXY as kubectl does
        )

    async def aclose(self) -> None:
        await self._session.close()

    def _packed(self) -> bool:
        """Whether gzip pays: it costs more than it saves where the server is this machine."""
        if self.access.cluster.get("disable-compression"):
            return False
        host = urlsplit(self.access.server).hostname or ""
        try:
            return not ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host != "localhost"

    async def renew(self) -> str:
        """Gets new credentials, once for all requests that were refused; "" or why there are none."""
        try:
            await self._credentials.renewed(self._refused)
        except KinspectError as error:
            return f"{error.message}. {error.hint}" if error.hint else error.message
        return ""

    async def ask(
        self, path: str, params: dict[str, str] | None = None, json: Any = None
    ) -> tuple[int, bytes]:
        """Status and body of a GET, or of a POST when there is a body to send. Renews credentials once.

        Raises: Unreachable.
        """
        for attempt in (1, 2):
            try:
                async with self._request(path, params or {}, self._answer_s, json) as response:
                    body = await response.read()
            except FOREIGN as error:
                raise explained(error, self.access) from error
            if response.status != 401 or attempt == 2 or await self.renew():
                break
        return response.status, body

    async def list(self, kind: Kind, request: List) -> Answer | Failed:
        """The page that was asked for, not yet decoded."""
        params = {
            "limit": str(request.limit) if request.limit else "",
            "continue": request.continue_,
            "resourceVersion": request.resource_version,
        }
        began = time.monotonic()
        try:
            path = path_of(kind, request.version, request.namespace)
            async with self._request(path, params, self._answer_s) as response:
                body = await response.read()
                if response.status != 200:
                    return decoding.failure(response.status, body, response.headers.get("Retry-After"))
        except (*FOREIGN, KinspectError) as error:
            return Failed(None, reason_of(error))
        return Answer(body, time.monotonic() - began)

    async def list_whole(self, kind: Kind, request: List) -> AsyncGenerator[Event, None]:
        """Everything at once, as parts while it comes in; the last one is not partial. Or Failed."""
        params = {"resourceVersion": request.resource_version}
        path = path_of(kind, request.version, request.namespace)
        began, splitter, items = time.monotonic(), Splitter(), list[bytes]()
        try:
            async with self._request(path, params, self._answer_s) as response:
                if response.status != 200:
                    body = await response.read()
                    yield decoding.failure(response.status, body, response.headers.get("Retry-After"))
                    return
                async for piece in response.content.iter_any():
                    items += splitter.feed(piece)
                    if len(items) >= PART:
                        yield decoding.part(kind, items)
                        items = []
        except (*FOREIGN, KinspectError) as error:
            yield Failed(None, reason_of(error))
            return
        last, envelope = splitter.end()
        yield decoding.last_part(kind, items + last, envelope, time.monotonic() - began)

    async def watch(self, kind: Kind, request: Watch) -> AsyncGenerator[Event, None]:
        """Opened, a batch for every piece of the stream, and at the end always Ended or Failed."""
        params = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": request.resource_version,
            "timeoutSeconds": str(request.timeout_s),
        }
        path = path_of(kind, request.version, request.namespace)
        try:
            async with self._request(path, params, request.timeout_s + 30.0) as response:
                if response.status != 200:
                    body = await response.read()
                    yield decoding.failure(response.status, body, response.headers.get("Retry-After"))
                    return
                _keep_alive(response)
                yield Opened()
                rest = b""
                async for piece in response.content.iter_any():
                    *lines, rest = (rest + piece).split(b"\n") if b"\n" in piece else (rest + piece,)
                    if len(rest) > LONGEST_LINE:
                        yield Failed(None, "the watch sent a line without an end")
                        return
                    events: tuple[WatchEvent, ...] = tuple(
                        decoding.event(kind, line) for line in lines if line
                    )
                    if events:
                        yield Batch(events)
        except (*FOREIGN, KinspectError) as error:
            yield Failed(None, reason_of(error))
            return
        yield Ended() if not rest else Failed(None, "the watch was cut in the middle of an event")

    @asynccontextmanager
    async def _request(
        self, path: str, params: dict[str, str], silence_s: float, json: Any = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        login = await self._credentials.login()
        async with self._session.request(
            "GET" if json is None else "POST",
            self.access.server + path,
            params={key: value for key, value in params.items() if value},
            json=json,
            headers=login.headers,
            ssl=login.ssl if login.ssl is not None else True,
            server_hostname=self.access.cluster.get("tls-server-name") or None,
            proxy=proxies.proxy_of(self.access.server, self.access.cluster.get("proxy-url"), os.environ),
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_s, sock_read=silence_s),
        ) as response:
            log.debug("%s %s %s: %d", response.method, path, params, response.status)
            for warning in response.headers.getall("Warning", ()):
                if warning not in self._warned:
                    self._warned.add(warning)
                    log.warning("%s: %s", path, warning)
            if response.status == 401:
                self._refused = login
            yield response


def path_of(kind: Kind, version: str, namespace: str | None, name: str | None = None) -> str:
    """The API path of a collection, or of one object."""
    root = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    place = f"/namespaces/{namespace}" if namespace and kind.namespaced else ""
    return f"{root}{place}/{kind.plural}" + (f"/{name}" if name else "")


def _keep_alive(response: aiohttp.ClientResponse) -> None:
    """Lets the kernel find out within a minute that the other end of a silent watch is gone."""
    transport = response.connection.transport if response.connection else None
    sock = transport.get_extra_info("socket") if transport else None
    if sock is None:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    idle = getattr(socket, "TCP_KEEPIDLE", getattr(socket, "TCP_KEEPALIVE", None))  # Linux; macOS
    for option, value in ((idle, 15), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 3)):
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def reason_of(error: BaseException) -> str:
    """One short line: what was wrong with the connection."""
    if isinstance(error, KinspectError):
        return error.message
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"TLS: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return f"TLS: {getattr(error.os_error, 'reason', None) or 'the server does not speak it'}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return _os_reason(error.os_error)
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientResponseError):
        return f"the answer is not HTTP: {error.message.splitlines()[0] if error.message else error.status}"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the answer was cut off"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the server closed the connection"
    return str(error) or type(error).__name__


def _os_reason(error: OSError) -> str:
    """What the kernel (or, with a negative number, the resolver) says; asyncio puts its own words instead."""
    number = error.errno or 0
    said = os.strerror(number) if number > 0 else error.strerror or str(error)
    return said or "the server closed the connection"  # as asyncio has it in the middle of a TLS handshake


def explained(error: BaseException, access: Access) -> KinspectError:
    """The error for a person: which server, which context, what to do."""
    if isinstance(error, KinspectError):
        return error
    where = f"{access.server} (context {access.context!r})" if access.context else access.server
    hint = "Is the server up, and is this the right context? kinspect --context NAME chooses another."
    tls = isinstance(
        error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError | ssl.SSLError
    )
    if tls:
        hint = (
            "The certificate does not fit: check certificate-authority and tls-server-name in the kubeconfig."
        )
    return Unreachable(f"{where}: {reason_of(error)}", hint)
