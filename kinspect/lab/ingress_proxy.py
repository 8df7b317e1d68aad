"""The ingress proxy where nginx is not installed: the same hosts, paths and headers, by aiohttp.

Runs as a process of its own in the ingress pod: `python -m kinspect.lab.ingress_proxy CONFIGURATION`. SIGHUP
makes it read the configuration (the JSON that `ingress` writes) again.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import ssl
import sys
import uuid
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, web

from kinspect.lab.ingress_nginx import PID_FILE

Json = dict[str, Any]

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "content-length", "te", "trailer"}


class Proxy:
    """Routes requests as the configuration says."""

    def __init__(self, file: Path, session: ClientSession) -> None:
        self.file, self.session = file, session
        self.turn = itertools.count()
        self.hosts: list[Json] = []
        self.contexts: dict[str, ssl.SSLContext] = {}
        self.read()

    def read(self) -> None:
        """Takes the configuration as it is now."""
        self.hosts = json.loads(self.file.read_text())
        self.contexts = {host["name"]: _context(host["certificate"]) for host in self.hosts}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        route = route_of(self.hosts, request.host.partition(":")[0], request.path)
        if route is None:
            return web.Response(status=404)
        if not route["upstreams"]:
            return web.Response(status=503)
        upstream = route["upstreams"][next(self.turn) % len(route["upstreams"])]
        url = f"http://{upstream}{request.raw_path}"
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP}
        body = await request.read()
        try:
            async with self.session.request(
                request.method, url, headers=headers | _forwarded(request), data=body, allow_redirects=False
            ) as answer:
                kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
                return web.Response(status=answer.status, headers=kept, body=await answer.read())
        except ClientError:
            return web.Response(status=502)

    def choose_certificate(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        """The certificate by SNI; of the host that a request would go to."""
        host = host_of(self.hosts, name or "")
        connection.context = self.contexts[host["name"]]


def host_of(hosts: list[Json], name: str) -> Json:
    """The virtual host for a name: exact, else the wildcard over its first label, else that of any host."""
    by_name = {host["name"]: host for host in hosts}
    _, _, parent = name.partition(".")
    return by_name.get(name) or by_name.get(f"*.{parent}") or by_name[""]


def route_of(hosts: list[Json], name: str, path: str) -> Json | None:
    """The route of a request: the longest path that matches, exact before prefix."""
    fitting = [route for route in host_of(hosts, name)["routes"] if _fits(route, path)]
    return max(fitting, key=lambda route: (len(route["path"]), route["exact"]), default=None)


def _fits(route: Json, path: str) -> bool:
    if route["exact"]:
        return bool(path == route["path"])
    whole: str = route["path"].rstrip("/")
    return path == whole or path.startswith(f"{whole}/")


def _forwarded(request: web.Request) -> dict[str, str]:
    peer = request.remote or ""
    port = "443" if request.secure else "80"
    return {
        "X-Request-ID": request.headers.get("X-Request-ID") or uuid.uuid4().hex,
        "X-Real-IP": peer,
        "X-Forwarded-For": peer,
        "X-Forwarded-Host": request.host,
        "X-Forwarded-Port": port,
        "X-Forwarded-Proto": request.scheme,
        "X-Forwarded-Scheme": request.scheme,
        "X-Scheme": request.scheme,
    }


def _context(certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{certificate}.crt", f"{certificate}.key")
    return context


async def serve(file: Path) -> None:
    """Serves ports 80 and 443 until ended."""
    async with ClientSession() as session:
        proxy = Proxy(file, session)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, proxy.read)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", proxy.answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        tls = _context(host_of(proxy.hosts, "")["certificate"])
        tls.sni_callback = proxy.choose_certificate
        await web.TCPSite(runner, "0.0.0.0", 80).start()
        await web.TCPSite(runner, "0.0.0.0", 443, ssl_context=tls).start()
        file.with_name(PID_FILE).write_text(str(os.getpid()))
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
