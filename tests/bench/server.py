"""A free API server: every page is encoded before the clock starts, so that what is measured is the reader.

`python -m tests.bench.server DIRECTORY SCALE` serves `objects` over HTTPS with a required client certificate,
writes DIRECTORY/kubeconfig and prints `ready`. A line `go RATE SECONDS` on standard input sends that many
MODIFIED events a second to the open watches of pods and slices, then prints `sent LAST_VERSION`. It ends when
its standard input does. Threads and blocking TLS sockets: encryption runs beside the reader.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kinspect.lab.certificates import Authority, Pair
from tests.bench import objects
from tests.bench.objects import FULL, PAGE, Size, encoded

COLLECTIONS = {
    "/api/v1/services": "Service",
    "/api/v1/pods": "Pod",
    "/api/v1/nodes": "Node",
    "/api/v1/namespaces": "Namespace",
    "/apis/discovery.k8s.io/v1/endpointslices": "EndpointSlice",
}
EMPTY = ("networking.k8s.io/v1", "apps/v1")
VERSION = 1_000_000
TABLE = "as=Table"


class Pages:
    """Path → the encoded pages of its list, as objects and as tables."""

    def __init__(self, size: Size) -> None:
        self.lists: dict[str, list[bytes]] = {}
        self.tables: dict[str, list[bytes]] = {}
        for path, kind in COLLECTIONS.items():
            every = list(objects.items(path, size))
            starts = range(0, max(len(every), 1), PAGE)
            self.lists[path] = [_page(kind, every, start) for start in starts]
            self.tables[path] = [_table(every, start) for start in starts]


def _page(kind: str, every: list[bytes], start: int) -> bytes:
    head = json.dumps({"kind": f"{kind}List", "apiVersion": "v1", "metadata": _metadata(every, start)})
    return head[:-1].encode() + b', "items": [' + b",".join(every[start : start + PAGE]) + b"]}"


def _table(every: list[bytes], start: int) -> bytes:
    """What `kubectl get` asks for: cells, and the metadata of each object."""
    names = ("Name", "Ready", "Status", "Restarts", "Age")
    rows = []
    for item in every[start : start + PAGE]:
        metadata = json.loads(item)["metadata"]
        partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
        rows.append({"cells": [metadata["name"], "2/2", "Running", 0, "10d"], "object": partial})
    columns = [
        {"name": name, "type": "string", "format": "", "description": "", "priority": 0} for name in names
    ]
    whole = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": _metadata(every, start)}
    return encoded({**whole, "columnDefinitions": columns, "rows": rows})


def _metadata(every: list[bytes], start: int) -> dict[str, Any]:
    rest = len(every) - start - PAGE
    more = {"continue": str(start // PAGE + 1), "remainingItemCount": rest} if rest > 0 else {}
    return {"resourceVersion": str(VERSION), **more}


def _resources(version: str) -> dict[str, Any]:
    found = [[*path.rsplit("/", 1), kind] for path, kind in COLLECTIONS.items()]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version,
        "resources": [
            {
                "name": plural,
                "singularName": kind.lower(),
                "namespaced": kind not in ("Node", "Namespace"),
                "kind": kind,
                "verbs": ["get", "list", "watch"],
            }
            for root, plural, kind in found
            if root in (f"/api/{version}", f"/apis/{version}")
        ],
    }


DISCOVERY_VERSION = {"groupVersion": "discovery.k8s.io/v1", "version": "v1"}
DOCUMENTS: dict[str, Any] = {
    "/version": {"major": "1", "minor": "36", "gitVersion": "v1.36.3"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [
            {
                "name": "discovery.k8s.io",
                "versions": [DISCOVERY_VERSION],
                "preferredVersion": DISCOVERY_VERSION,
            }
        ],
    },
    "/api/v1": _resources("v1"),
    "/apis/discovery.k8s.io/v1": _resources("discovery.k8s.io/v1"),
}


class Burst:
    """Events for the watches, each encoded before it starts; every path has its own share."""

    SHARES = ("/api/v1/pods", "/api/v1/pods", "/apis/discovery.k8s.io/v1/endpointslices")

    def __init__(self, size: Size, rate: int, seconds: int) -> None:
        self.rate, self.total = rate, rate * seconds
        self.lines: dict[str, list[bytes]] = {path: [] for path in self.SHARES}
        for each in range(self.total):
            path, version = self.SHARES[each % len(self.SHARES)], VERSION + 1 + each
            if path.endswith("pods"):
                changed = objects.pod(each * 7 % size.pods, size, version)
            else:
                changed = objects.slice_(each * 7 % size.slices, size, version)
            self.lines[path].append(encoded({"type": "MODIFIED", "object": changed}) + b"\n")
        self.began = time.monotonic()

    def due(self, path: str, sent: int) -> list[bytes]:
        """The lines of this path whose time has come."""
        lines = self.lines.get(path, [])
        passed = (time.monotonic() - self.began) * self.rate
        return lines[sent : min(int(passed * len(lines) / self.total), len(lines))]


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, size: Size, directory: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.size = size
        self.pages = Pages(size)
        self.burst: Burst | None = None
        self._secure(directory)

    def _secure(self, directory: Path) -> None:
        authority, client = Authority("bench"), _client_certificate()
        pair = authority.issue("127.0.0.1")
        for name, content in {
            "server.crt": pair.certificate,
            "server.key": pair.key,
            "ca.crt": authority.certificate,
            "client.crt": client.certificate,
            "client.key": client.key,
        }.items():
            (directory / name).write_bytes(content)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "server.crt", directory / "server.key")
        context.load_verify_locations(directory / "client.crt")
        context.verify_mode = ssl.CERT_REQUIRED
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        user = {"client-certificate": "client.crt", "client-key": "client.key"}
        cluster = {"server": f"https://127.0.0.1:{self.server_port}", "certificate-authority": "ca.crt"}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "bench",
            "clusters": [{"name": "bench", "cluster": cluster}],
            "users": [{"name": "bench", "user": user}],
            "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
        }
        (directory / "kubeconfig").write_text(json.dumps(document))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        pages = (
            self.server.pages.tables if TABLE in self.headers.get("Accept", "") else self.server.pages.lists
        )
        if query.get("watch"):
            self._watch(url.path)
        elif url.path in pages:
            self._send(200, pages[url.path][int(query.get("continue", "0"))])
        elif url.path in DOCUMENTS:
            self._send(200, encoded(DOCUMENTS[url.path]))
        elif any(version in url.path for version in EMPTY):
            self._send(
                200, encoded({"kind": "List", "metadata": {"resourceVersion": str(VERSION)}, "items": []})
            )
        else:
            self._send(404, b"404 page not found\n")

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _watch(self, path: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        burst, sent = None, 0
        while True:
            if self.server.burst is not burst:
                burst, sent = self.server.burst, 0
            due = burst.due(path, sent) if burst else []
            if due:
                data = b"".join(due)
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                sent += len(due)
            time.sleep(0.01)

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # the reader has gone, as readers do
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _client_certificate() -> Pair:
    """A certificate that signs itself; the server knows it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bench")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Pair(certificate.public_bytes(pem), private)


def _commands(server: Server, lines: Iterator[str]) -> None:
    for line in lines:
        rate, seconds = map(int, line.split()[1:])
        server.burst = burst = Burst(server.size, rate, seconds)
        print("begun", flush=True)
        time.sleep(max(burst.began + seconds + 0.1 - time.monotonic(), 0))
        print(f"sent {VERSION + burst.total}", flush=True)


def main(directory: str, scale: str) -> None:
    server = Server(FULL.scaled(int(scale)), Path(directory))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    _commands(server, iter(sys.stdin))


if __name__ == "__main__":
    main(*sys.argv[1:])
