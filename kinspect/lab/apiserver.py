"""The lab's API server: a Store behind HTTPS on loopback, for the demo, the lab, and the tests of reading.

It has one user, known by a bearer token (kubectl sends tokens only over TLS), and writes that user's
kubeconfig. What the lab's API can do is in `api/`; what it cannot do it refuses as an API server would. Tests
put faults in front of it with an `interceptor`, and turn the knobs of `Limits`.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
from base64 import b64encode
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from kinspect.lab import status
from kinspect.lab.api import answers, dispatch
from kinspect.lab.api.dispatch import ANONYMOUS, Limits, User
from kinspect.lab.api.reviews import Allows
from kinspect.lab.certificates import Authority
from kinspect.lab.status import Rejection
from kinspect.lab.store import Store

__all__ = ["ApiServer", "Interceptor", "Limits"]

Interceptor = Callable[[web.Request], Awaitable[web.StreamResponse | None]]
"""Sees each request first; what it returns is the answer, None lets the server answer."""


class ApiServer:
    """Serves `store` while entered; `directory` gets the certificate, the key and the kubeconfig."""

    def __init__(
        self,
        store: Store,
        directory: Path,
        *,
        interceptor: Interceptor | None = None,
        limits: Limits = Limits(),  # noqa: B008 (immutable)
        allows: Allows = lambda info: True,
        user: str = "kinspect",
    ) -> None:
        self.store = store
        self.directory = directory
        self.interceptor = interceptor
        self.limits = limits
        self.user = user
        self.token = secrets.token_urlsafe(32)
        self.port = 0
        self._allows = allows
        self.authority = Authority()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def certificate_authority(self) -> bytes:
        """The certificate to trust, as PEM."""
        return self.authority.certificate

    @property
    def kubeconfig(self) -> Path:
        return self.directory / "kubeconfig"

    async def start(self) -> None:
        """Listens, at first on a free port, after a `stop` on the same one; writes the kubeconfig."""
        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self._tls())
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._write_private("kubeconfig", json.dumps(self._kubeconfig(), indent=2).encode())

    async def stop(self) -> None:
        """Ends every request, watches too, and stops listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
            await self._abort_greetings()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _abort_greetings(self) -> None:
        """Ends the connections that are still in their TLS handshake: the runner does not know them yet."""
        loop = asyncio.get_running_loop()
        for transport in list(getattr(loop, "_transports", {}).values()):
            if (transport.get_extra_info("sockname") or ())[1:2] == (self.port,):
                transport.abort()
        await asyncio.sleep(0)

    # Requests

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self.interceptor is not None and (taken := await self.interceptor(request)) is not None:
            return taken
        try:
            who = User(self._authenticated(request), self._allows)
            return await dispatch.answer(request, self.store, who, self.limits)
        except Rejection as rejection:
            return answers.refusal(request, rejection)

    def _authenticated(self, request: web.Request) -> str:
        """The name of the user. Raises Unauthorized for a token that is not ours."""
        credentials = request.headers.get("Authorization", "")
        if not credentials:
            return ANONYMOUS
        if not secrets.compare_digest(credentials.encode(), f"Bearer {self.token}".encode()):
            raise status.unauthorized()
        return self.user

    # Files

    def _tls(self) -> ssl.SSLContext:
        pair = self.authority.issue("127.0.0.1", "localhost", "kubernetes.default.svc")
        self._write_private("tls.crt", pair.certificate)
        self._write_private("tls.key", pair.key)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.directory / "tls.crt", self.directory / "tls.key")
        return context

    def _write_private(self, name: str, content: bytes) -> None:
        """Writes a file that only this user can read."""
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_bytes(content)

    def _kubeconfig(self) -> status.Json:
        trusted = b64encode(self.certificate_authority).decode()
        cluster = {"server": self.url, "certificate-authority-data": trusted}
        context = {"cluster": "lab", "user": self.user, "namespace": "default"}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "lab",
            "clusters": [{"name": "lab", "cluster": cluster}],
            "users": [{"name": self.user, "user": {"token": self.token}}],
            "contexts": [{"name": "lab", "context": context}],
        }
