"""The configuration of nginx for a set of virtual hosts. Pure.

The headers are those of ingress-nginx: X-Forwarded-For holds the peer's address alone, whatever the client
sent; X-Request-ID is kept or made. Source: ingress-nginx's nginx.tmpl; nginx.org for the directives.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from kinspect.lab.ingress_routes import ANY_HOST, Host, Route
from kinspect.model.meta import Key

PID_FILE = "pid"

_HEADERS = """\
      proxy_set_header Host $http_host;
      proxy_set_header X-Request-ID $id;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Port $server_port;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Scheme $scheme;
      proxy_set_header X-Scheme $scheme;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
"""


def configuration(
    hosts: Iterable[Host], certificates: Mapping[Key, str], default_certificate: str, room: str
) -> str:
    """nginx.conf. Certificates are paths without `.crt` and `.key`; `room` is a folder to write into."""
    upstreams: dict[tuple[str, ...], str] = {}
    servers = [_server(host, certificates, default_certificate, upstreams) for host in hosts]
    blocks = [_upstream(name, members) for members, name in upstreams.items()]
    temporary = "\n".join(
        f"  {kind}_temp_path {room}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""\
daemon off;
user root root;
worker_processes 1;
pid {room}/{PID_FILE};
error_log {room}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off;
  server_tokens off;
  server_names_hash_bucket_size 128;
{temporary}
  map $http_x_request_id $id {{ default $http_x_request_id; "" $request_id; }}
{"".join(blocks)}{"".join(servers)}}}
"""


def _upstream(name: str, members: tuple[str, ...]) -> str:
    servers = "".join(f"    server {member};\n" for member in members)
    return f"  upstream {name} {{\n{servers}    keepalive 8;\n  }}\n"


def _server(
    host: Host,
    certificates: Mapping[Key, str],
    default_certificate: str,
    upstreams: dict[tuple[str, ...], str],
) -> str:
    default = " default_server" if host.name == ANY_HOST else ""
    certificate = certificates.get(host.secret, default_certificate) if host.secret else default_certificate
    locations = "".join(_locations(host.routes, upstreams))
    return f"""\
  server {{
    listen 80{default};
    listen 443 ssl{default};
    server_name {_server_name(host.name)};
    ssl_certificate {certificate}.crt;
    ssl_certificate_key {certificate}.key;
{locations}  }}
"""


def _server_name(host: str) -> str:
    """A wildcard covers exactly one label, which nginx says only by a regular expression."""
    if host == ANY_HOST:
        return "_"
    if host.startswith("*."):
        return f'"~^[^.]+{re.escape(host[1:])}$"'
    return host


def _locations(routes: Iterable[Route], upstreams: dict[tuple[str, ...], str]) -> Iterable[str]:
    exact = {route.path for route in routes if route.exact}
    for route in routes:
        if not route.exact and route.path == "/":
            yield _location("/", route, upstreams)
            continue
        if route.exact or route.path not in exact:
            yield _location(f"= {_quoted(route.path)}", route, upstreams)
        if not route.exact:
            yield _location(_quoted(f"{route.path}/"), route, upstreams)
    if not any(route.path == "/" and not route.exact for route in routes):
        yield "    location / { return 404; }\n"


def _quoted(path: str) -> str:
    """A path as one word of the configuration, whatever it holds: it comes from the objects."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _location(where: str, route: Route, upstreams: dict[tuple[str, ...], str]) -> str:
    if not route.upstreams:
        return f"    location {where} {{ return 503; }}\n"
    name = upstreams.setdefault(route.upstreams, f"upstream{len(upstreams)}")
    return f"    location {where} {{\n{_HEADERS}      proxy_pass http://{name};\n    }}\n"
