"""The lab's API server: a Store behind HTTPS on loopback, for the demo, the lab, and the tests of reading.

It has one user, known by a bearer token (kubectl sends tokens only over TLS), and writes that user's
kubeconfig. What the lab's API can do is in `api/`; what it cannot do it refuses as an API server would. Tests
put faults in front of it with an `interceptor`, and turn the knobs of `Limits`.
"""

from __future__ import annotations

import json
import secrets
import ssl
from base64 import b64encode
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from aiohttp import web

from kinspect.lab import status
from kinspect.lab.api import answers, discovery, negotiation, reading
from kinspect.lab.api.requests import RequestInfo, parse
from kinspect.lab.certificates import Authority
from kinspect.lab.resources import Resource
from kinspect.lab.status import Rejection
from kinspect.lab.store import Store

Interceptor = Callable[[web.Request], Awaitable[web.StreamResponse | None]]
"""Sees each request first; what it returns is the answer, None lets the server answer."""

Allows = Callable[[RequestInfo], bool]
"""Whether the user may do what a request asks for."""

_ANONYMOUS = "system:anonymous"
_OPEN_PATHS = ("/version", "/healthz", "/livez", "/readyz")


class Limits(NamedTuple):
    """The knobs of the server: the most items in a page (None = what is asked), and the times of watches."""

    largest_page: int | None = None
    bookmark_every_s: float = 60.0
    longest_watch_s: float = 1_800.0


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

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # Requests

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self.interceptor is not None and (taken := await self.interceptor(request)) is not None:
            return taken
        try:
            user = self._authenticated(request)
            info = parse(request.method, request.path, request.query)
            if info is None:
                return self._other_path(request, user)
            if user == _ANONYMOUS or not self._allows(info):
                raise _forbidden(user, info, self._find(info))
            return await self._resource_request(request, info)
        except Rejection as rejection:
            return answers.refusal(request, rejection)

    def _authenticated(self, request: web.Request) -> str:
        """The name of the user. Raises Unauthorized for a token that is not ours."""
        credentials = request.headers.get("Authorization", "")
        if not credentials:
            return _ANONYMOUS
        if not secrets.compare_digest(credentials.encode(), f"Bearer {self.token}".encode()):
            raise status.unauthorized()
        return self.user

    async def _resource_request(self, request: web.Request, info: RequestInfo) -> web.StreamResponse:
        resource = self._find(info)
        if resource is None:
            if info.group and info.group not in discovery.group_names(self.store.resources.values()):
                return answers.page_not_found()
            raise status.no_such_resource()
        match info.verb:
            case "get" if not info.subresource or info.subresource == "status":
                return reading.get(request, self.store, resource, info)
            case "list":
                return reading.list_(request, self.store, resource, info, self.limits.largest_page)
            case "watch":
                every_s, longest_s = self.limits.bookmark_every_s, self.limits.longest_watch_s
                return await reading.watch(request, self.store, resource, info, every_s, longest_s)
        raise status.method_not_allowed()

    def _find(self, info: RequestInfo) -> Resource | None:
        """The resource of a request, or None: no such group, version or resource."""
        for resource in self.store.resources.values():
            if (resource.group, resource.version, resource.plural) == (
                info.group,
                info.version,
                info.resource,
            ):
                return resource
        return None

    def _other_path(self, request: web.Request, user: str) -> web.Response:
        path = request.path.rstrip("/") or "/"
        if user == _ANONYMOUS and path not in _OPEN_PATHS:
            raise status.forbidden_path(user, request.method.lower(), request.path)
        resources = tuple(self.store.resources.values())
        if path in ("/api", "/apis") and negotiation.accepts_aggregated_discovery(
            request.headers.get("Accept", "")
        ):
            found = discovery.aggregated(resources, core=path == "/api")
            return answers.document(request, found, content_type=discovery.AGGREGATED)
        match path.split("/")[1:]:
            case ["version"]:
                return answers.document(request, discovery.VERSION)
            case ["healthz" | "livez" | "readyz"]:
                return answers.text("ok")
            case ["api"]:
                return answers.document(request, discovery.core_versions(f"127.0.0.1:{self.port}"))
            case ["apis"]:
                return answers.document(request, discovery.groups(resources))
            case ["api", "v1"]:
                return answers.document(request, discovery.resource_list(resources, ""))
            case ["apis", group, *version] if group in discovery.group_names(resources):
                if not version:
                    return answers.document(request, discovery.group(group))
                if version == ["v1"]:
                    return answers.document(request, discovery.resource_list(resources, group))
                raise status.no_such_resource()
        return answers.page_not_found()

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


def _forbidden(user: str, info: RequestInfo, resource: Resource | None) -> Rejection:
    scope = f'in the namespace "{info.namespace}"' if info.namespace else "at the cluster scope"
    plural = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    message = f'User "{user}" cannot {info.verb} resource "{plural}" in API group "{info.group}" {scope}'
    if resource is None:
        text = f"{info.resource}.{info.group}" if info.group else info.resource
        details = {"kind": info.resource}
        return Rejection(
            status.failure(HTTPStatus.FORBIDDEN, "Forbidden", f"{text} is forbidden: {message}", details)
        )
    return status.forbidden(resource, info.name, message)
