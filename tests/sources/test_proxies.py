"""Which proxy a server is reached by, and that it is: the kubeconfig's, the environment's, or none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from kinspect.errors import Unreachable
from kinspect.model.coverage import Coverage
from kinspect.sources.proxies import proxy_of
from tests.sources.rig import SERVICE_CIDR, Rig, namespace, service

CLUSTER = "https://api.prod.example.com:6443"


@pytest.mark.parametrize(
    ("server", "excepted", "proxied"),
    [
        (CLUSTER, "", True),
        (CLUSTER, "*", False),
        (CLUSTER, "api.prod.example.com", False),
        (CLUSTER, "prod.example.com", False),
        (CLUSTER, ".prod.example.com", False),
        (CLUSTER, "*.example.com", False),
        (CLUSTER, "example.com:6443", False),
        (CLUSTER, "example.com:443", True),
        (CLUSTER, "EXAMPLE.com", False),
        (CLUSTER, "prod.example", True),
        (CLUSTER, "rod.example.com", True),
        (CLUSTER, ".api.prod.example.com", True),
        (CLUSTER, "localhost, , 10.0.0.0/8,example.com", False),
        ("https://10.1.2.3:6443", "10.0.0.0/8", False),
        ("https://10.1.2.3:6443", "11.0.0.0/8", True),
        ("https://10.1.2.3:6443", "10.1.2.3", False),
        ("https://10.1.2.3:6443", "10.1.2.3:6443", False),
        ("https://10.1.2.3:6443", "10.1.2.3:80", True),
        ("https://10.1.2.3", "10.1.2.3:443", False),
        ("https://10.1.2.3:6443", "10.1.2.300/8,nonsense:x:y", True),
        ("https://[fd00::1]:6443", "fd00::/8", False),
        ("https://[fd00::1]:6443", "[fd00::1]:6443", False),
        ("https://[fd00::1]:6443", "fd00:0::1", False),
        ("https://[fd00::1]:6443", "fd00::2", True),
        ("https://127.0.0.1:6443", "", False),
        ("https://[::1]:6443", "", False),
        ("https://localhost:6443", "", False),
    ],
)
def test_no_proxy_is_read_as_kubectl_reads_it(server: str, excepted: str, proxied: bool) -> None:
    environ = {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": excepted}
    assert (proxy_of(server, None, environ) is not None) is proxied


@pytest.mark.parametrize(
    ("server", "environ", "expected"),
    [
        (CLUSTER, {}, None),
        (CLUSTER, {"https_proxy": "http://low:1"}, "http://low:1"),
        (CLUSTER, {"https_proxy": "http://low:1", "HTTPS_PROXY": "http://high:1"}, "http://high:1"),
        (CLUSTER, {"HTTP_PROXY": "http://plain:1"}, None),
        ("http://10.1.2.3", {"HTTP_PROXY": "http://plain:1"}, "http://plain:1"),
        (CLUSTER, {"HTTPS_PROXY": "proxy:3128"}, "http://proxy:3128"),
        (CLUSTER, {"HTTPS_PROXY": "http://proxy:1", "no_proxy": "example.com"}, None),
    ],
)
def test_the_variables(server: str, environ: dict[str, str], expected: str | None) -> None:
    assert proxy_of(server, None, environ) == expected


def test_the_kubeconfig_comes_first_and_knows_no_exceptions() -> None:
    environ = {"HTTPS_PROXY": "http://other:1", "NO_PROXY": "*"}
    assert proxy_of("https://127.0.0.1", "http://mine:1", environ) == "http://mine:1"


def test_a_proxy_of_another_kind_is_refused_by_name() -> None:
    with pytest.raises(Unreachable, match="environment's proxy socks5://p:1 is no HTTP proxy"):
        proxy_of(CLUSTER, None, {"HTTPS_PROXY": "socks5://p:1"})
    with pytest.raises(Unreachable, match="kubeconfig's proxy-url socks5://p:1 is no HTTP proxy"):
        proxy_of(CLUSTER, "socks5://p:1", {})


@asynccontextmanager
async def tunnel(to: int) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A real proxy: its port, and the requests it was asked. Whatever the name, it leads to port `to`."""
    asked: list[bytes] = []

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            while piece := await reader.read(65536):
                writer.write(piece)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        there = await asyncio.open_connection("127.0.0.1", to)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pour(reader, there[1]), pour(there[0], writer), return_exceptions=True)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], asked
        server.close()
        await asyncio.sleep(0.1)  # what poured ends


@pytest.mark.parametrize("by", ["kubeconfig", "environment"])
def test_a_cluster_is_read_through_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))  # it is nobody's business here
    netrc.chmod(0o600)

    async def story() -> list[bytes]:
        async with Rig(tmp_path) as rig, tunnel(rig.server.port) as (port, asked):
            for each in (SERVICE_CIDR, namespace("shop"), service("web")):
                rig.store.create(each)
            config = json.loads(rig.server.kubeconfig.read_text())
            cluster = config["clusters"][0]["cluster"]
            cluster |= {"server": f"https://api.test:{rig.server.port}", "tls-server-name": "localhost"}
            if by == "kubeconfig":
                cluster["proxy-url"] = f"http://me:word@127.0.0.1:{port}"
            else:
                monkeypatch.setenv("HTTPS_PROXY", f"http://me:word@127.0.0.1:{port}")
            mine = tmp_path / "mine"
            mine.write_text(json.dumps(config))
            rig.read(kubeconfig=str(mine))
            await rig.until(lambda: rig.coverage.get("Service") == Coverage("given"))
            assert rig.objects["Service"] == rig.fresh("Service")
            await rig.cluster.aclose()
            return asked

    asked = asyncio.run(story())
    assert asked
    assert all(each.startswith(b"CONNECT api.test:") for each in asked)
    assert all(b"Proxy-Authorization: Basic bWU6d29yZA==" in each for each in asked)
