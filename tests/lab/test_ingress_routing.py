"""Which route an Ingress makes, as routes, as nginx's configuration, and as our own proxy takes them."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from kinspect.lab import ingress_routes
from kinspect.lab.certificates import Authority
from kinspect.lab.ingress_nginx import configuration
from kinspect.lab.ingress_proxy import Proxy, host_of, route_of
from kinspect.lab.ingress_routes import ANY_HOST, Host, Route
from kinspect.lab.proxy.world import World
from kinspect.model.decoding import Malformed, from_plain
from kinspect.model.kinds import KINDS
from kinspect.model.yaml import documents

OBJECTS = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {clusterIP: 10.96.0.5, ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints:
  - {addresses: [10.244.1.2], conditions: {ready: true}}
  - {addresses: [10.244.1.3], conditions: {ready: false}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: old, namespace: shop, creationTimestamp: "2026-01-01T00:00:00Z"}
spec:
  ingressClassName: nginx
  tls: [{hosts: [a.example], secretName: a-tls}]
  defaultBackend: {service: {name: web, port: {number: 80}}}
  rules:
    - host: a.example
      http:
        paths:
          - {path: /foo/, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}
          - {path: /foo, pathType: Exact, backend: {service: {name: gone, port: {number: 80}}}}
    - host: "*.b.example"
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 81}}}}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: young
  namespace: shop
  creationTimestamp: "2026-02-01T00:00:00Z"
  annotations: {kubernetes.io/ingress.class: nginx}
spec:
  rules:
    - host: a.example
      http:
        paths:
          - {path: /foo, pathType: Prefix, backend: {service: {name: gone, port: {number: 80}}}}
          - {path: /bar, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: not-ours, namespace: shop}
spec:
  ingressClassName: other
  rules: [{host: c.example}]
"""
WEB = ("10.244.1.2:8080",)


def facts(kind: str) -> tuple[Any, ...]:
    plain = [item for item in documents(OBJECTS.encode(), "objects") if item["kind"] == kind]
    found = [from_plain(KINDS[kind], item) for item in plain]
    assert not any(isinstance(each, Malformed) for each in found)
    return tuple(found)


@pytest.fixture(scope="module")
def hosts() -> tuple[Host, ...]:
    world = World(services=facts("Service"), slices=facts("EndpointSlice"))
    return ingress_routes.hosts(facts("Ingress"), "nginx", world)


def test_routes(hosts: tuple[Host, ...]) -> None:
    assert [host.name for host in hosts] == [ANY_HOST, "*.b.example", "a.example"]
    by_name = {host.name: host.routes for host in hosts}
    assert by_name[ANY_HOST] == (Route("/", False, WEB),)
    # Port 81 is none of the Service's: the route is there, and leads nowhere.
    assert by_name["*.b.example"] == (Route("/", False, ()),)
    assert by_name["a.example"] == (
        Route("/", False, WEB),
        Route("/bar", False, WEB),
        Route("/foo", False, WEB),  # the older Ingress keeps it
        Route("/foo", True, ()),
    )
    assert ingress_routes.secrets(hosts) == {("shop", "a-tls")}


@pytest.mark.parametrize(
    ("host", "path", "route"),
    [
        ("a.example", "/foo", ("/foo", True)),
        ("a.example", "/foo/x", ("/foo", False)),
        ("a.example", "/food", ("/", False)),
        ("a.example", "/bar", ("/bar", False)),
        ("x.b.example", "/", ("/", False)),
        ("x.y.b.example", "/", ("/", False)),  # a wildcard is one label: that of any host answers
        ("unknown", "/y", ("/", False)),
    ],
)
def test_our_proxy_chooses(hosts: tuple[Host, ...], host: str, path: str, route: tuple[str, bool]) -> None:
    told = [{"name": h.name, "routes": [r._asdict() for r in h.routes]} for h in hosts]
    found = route_of(told, host, path)
    assert found and (found["path"], found["exact"]) == route
    assert host_of(told, "x.y.b.example")["name"] == ANY_HOST


def test_nginx_takes_the_configuration(hosts: tuple[Host, ...], tmp_path: Path) -> None:
    nginx = shutil.which("nginx")
    if nginx is None:
        pytest.skip("nginx is not installed")
    pair = Authority().issue("default.example")
    (tmp_path / "d.crt").write_bytes(pair.certificate)
    (tmp_path / "d.key").write_bytes(pair.key)
    odd = Host("odd.example", (Route('/a"{};$x\\', False, WEB),), None)
    text = configuration((*hosts, odd), {}, str(tmp_path / "d"), str(tmp_path))
    file = tmp_path / "nginx.conf"
    file.write_text(text)
    told = subprocess.run(
        [nginx, "-t", "-c", str(file)], capture_output=True, text=True, timeout=20, check=False
    )
    assert told.returncode == 0, told.stderr
    # A prefix that is also an exact path leaves that one to the exact route.
    assert text.count('location = "/foo" {') == 1 and 'location "/foo/" {' in text


@asynccontextmanager
async def serving(handler: Any) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        await web.SockSite(runner, opened).start()
        yield opened.getsockname()[1]
        await runner.cleanup()


def test_our_proxy_passes_requests_on(tmp_path: Path) -> None:
    async def backend(request: web.Request) -> web.Response:
        return web.json_response(
            {"path": request.raw_path, "headers": {k.lower(): v for k, v in request.headers.items()}}
        )

    async def scenario() -> None:
        pair = Authority().issue("default.example")
        (tmp_path / "d.crt").write_bytes(pair.certificate)
        (tmp_path / "d.key").write_bytes(pair.key)
        async with serving(backend) as port:
            routes = [
                {"path": "/app", "exact": False, "upstreams": [f"127.0.0.1:{port}"]},
                {"path": "/none", "exact": False, "upstreams": []},
            ]
            file = tmp_path / "configuration"
            file.write_text(json.dumps([{"name": "", "routes": routes, "certificate": str(tmp_path / "d")}]))
            async with ClientSession() as session:
                proxy = Proxy(file, session)
                async with serving(proxy.answer) as front:
                    headers = {"Host": "shop.example", "X-Forwarded-For": "6.6.6.6", "X-Request-ID": "mine"}
                    async with session.get(f"http://127.0.0.1:{front}/app/x?y=1", headers=headers) as answer:
                        told = await answer.json()
                    for path, status in {"/none": 503, "/else": 404}.items():
                        async with session.get(f"http://127.0.0.1:{front}{path}") as answer:
                            assert answer.status == status
        assert told["path"] == "/app/x?y=1"
        assert told["headers"]["host"] == "shop.example"
        assert told["headers"]["x-request-id"] == "mine"
        assert told["headers"]["x-forwarded-for"] == "127.0.0.1"  # what the client claims is not believed

    asyncio.run(scenario())
