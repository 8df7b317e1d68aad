"""Ways to log in, and ways in which connecting fails: real plugins, real TLS, a real server on loopback."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from kinspect import __version__
from kinspect.errors import KinspectError, Unreachable
from kinspect.lab.certificates import Authority
from kinspect.sources import execplugin
from kinspect.sources.credentials import Credentials
from kinspect.sources.kube import open_cluster
from kinspect.sources.kubeconfig import Access
from kinspect.sources.options import ClusterOptions
from kinspect.sources.transport import Transport
from tests.sources.rig import SERVICE_CIDR, Rig, namespace, service

EXEC_VERSION = "client.authentication.k8s.io/v1"


def play(story: Callable[[Rig], Coroutine[Any, Any, None]], directory: Path) -> None:
    async def run() -> None:
        async with Rig(directory) as rig:
            rig.store.create(SERVICE_CIDR)
            rig.store.create(namespace("shop"))
            rig.store.create(service("web"))
            await story(rig)

    asyncio.run(run())


def user(rig: Rig, **entry: Any) -> str:
    """A kubeconfig like the server's with this user (and, under `cluster`, these keys of the cluster)."""
    config = json.loads(rig.server.kubeconfig.read_text())
    config["clusters"][0]["cluster"].update(entry.pop("cluster", {}))
    if entry:
        config["users"][0]["user"] = entry
    path = rig.server.directory / "mine"
    path.write_text(json.dumps(config))
    return str(path)


def plugin(directory: Path, script: str) -> str:
    path = directory / "plugin"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return "./plugin"


def credential(token: str, **more: str) -> str:
    status = {"token": token, **more}
    document = {"apiVersion": EXEC_VERSION, "kind": "ExecCredential", "status": status}
    return f"echo '{json.dumps(document)}'"


def failing(rig: Rig, **options: Any) -> Callable[[], Coroutine[Any, Any, KinspectError]]:
    async def fails() -> KinspectError:
        rig.read(**options)
        with pytest.raises(KinspectError) as caught:
            await rig.until(lambda: False)
        return caught.value

    return fails


def test_a_plugin_gives_the_token_and_is_asked_again_when_it_has_expired(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        (tmp_path / "token").write_text(credential(rig.server.token))
        command = plugin(tmp_path, f"echo run >> {tmp_path}/runs\n. {tmp_path}/token")
        rig.read(kubeconfig=user(rig, exec={"apiVersion": EXEC_VERSION, "command": command}))
        await rig.equal_to_a_fresh_list()
        await rig.settled()
        assert (tmp_path / "runs").read_text() == "run\n"
        rig.server.token = "second"
        (tmp_path / "token").write_text(credential("second"))
        await rig.server.stop()
        await rig.server.start()
        rig.store.create(service("late"))
        await rig.equal_to_a_fresh_list()
        assert (tmp_path / "runs").read_text() == "run\nrun\n"

    play(story, tmp_path)


def test_a_plugin_has_no_input_no_terminal_and_the_cluster_only_if_it_asks(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        script = [
            f"cat > {tmp_path}/input",
            f"(: < /dev/tty) 2> {tmp_path}/tty",
            f'echo "$KUBERNETES_EXEC_INFO" > {tmp_path}/info',
            credential(rig.server.token),
        ]
        command = plugin(tmp_path, "\n".join(script))
        entry = {"apiVersion": EXEC_VERSION, "command": command, "provideClusterInfo": True}
        rig.read(kubeconfig=user(rig, exec={**entry, "env": [{"name": "A", "value": "b"}]}))
        await rig.equal_to_a_fresh_list()
        assert (tmp_path / "input").read_bytes() == b""
        assert "No such device" in (tmp_path / "tty").read_text()
        info = json.loads((tmp_path / "info").read_text())
        assert info["spec"]["interactive"] is False
        assert info["spec"]["cluster"]["server"] == rig.server.url

    play(story, tmp_path)


@pytest.mark.parametrize(
    ("entry", "script", "says"),
    [
        ({"interactiveMode": "Always"}, "true", "wants to talk to a terminal"),
        ({}, "echo no such login >&2; exit 3", "failed (3): no such login"),
        ({}, "echo hello", "its answer is no ExecCredential"),
        ({}, credential(""), "gives neither a token nor a certificate"),
        ({"apiVersion": "client.authentication.k8s.io/v1beta1"}, credential("t"), "answers as"),
        ({"apiVersion": "v7"}, "true", "apiVersion 'v7' is not known"),
        ({"command": "/absent/plugin", "installHint": "Get it somewhere."}, "true", "No such file"),
        ({}, "sleep 30", "gave no answer within"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_one_clear_error(
    tmp_path: Path, entry: dict[str, Any], script: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execplugin.run, "__defaults__", (0.5,))

    async def story(rig: Rig) -> None:
        given = {"apiVersion": EXEC_VERSION, "command": plugin(tmp_path, script), **entry}
        error = await failing(rig, kubeconfig=user(rig, exec=given))()
        assert isinstance(error, Unreachable)
        assert says in error.message
        if "installHint" in entry:
            assert error.hint == "Get it somewhere."

    began = time.monotonic()
    play(story, tmp_path)
    assert time.monotonic() - began < 10


def test_a_plugin_that_fails_is_run_once_for_all_that_wait(tmp_path: Path) -> None:
    runs = tmp_path / "runs"

    async def story(rig: Rig) -> None:
        script = f"echo run >> {runs}; sleep 0.2; exit 3"
        given = {"apiVersion": EXEC_VERSION, "command": plugin(tmp_path, script)}
        error = await failing(rig, kubeconfig=user(rig, exec=given))()
        assert "failed (3)" in error.message

    play(story, tmp_path)
    assert runs.read_text().splitlines() == ["run"]


def test_impersonation_and_our_name_are_sent(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        headers: list[Any] = []

        async def look(request: web.Request) -> None:
            headers.append(request.headers)

        rig.fault = look
        rig.read(as_user="jane", as_groups=("dev", "ops"))
        await rig.settled()
        assert {each["Impersonate-User"] for each in headers} == {"jane"}
        assert headers[0].getall("Impersonate-Group") == ["dev", "ops"]
        assert headers[0]["User-Agent"] == f"kinspect/{__version__}"
        assert headers[0]["Accept-Encoding"] == "identity"

    play(story, tmp_path)


def test_the_heavy_libraries_wait_for_the_reading_thread() -> None:
    script = "import sys, kinspect.inspection, kinspect.sources.kube; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True).stdout
    assert not {"aiohttp", "kubernetes", "textual", "scapy"} & set(loaded.split())


def test_it_can_be_closed_at_any_moment(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        for turns in (0, 1, 2, 5, 50):
            cluster = open_cluster(ClusterOptions(kubeconfig=str(rig.server.kubeconfig)), None)
            async with asyncio.timeout(10), asyncio.TaskGroup() as group:
                reading = group.create_task(anext(cluster.changes(), None))  # type: ignore[arg-type]
                for _ in range(turns):
                    await asyncio.sleep(0.001)
                await cluster.aclose()
                await reading

    play(story, tmp_path)


@pytest.mark.parametrize(
    ("server", "encoding"),
    [
        ("https://127.0.0.1:6443", "identity"),
        ("https://[::1]:6443", "identity"),
        ("https://localhost", "identity"),
        ("https://192.0.2.1:6443", "gzip"),
        ("https://api.example.test", "gzip"),
    ],
)
def test_answers_are_packed_where_the_server_is_far(server: str, encoding: str) -> None:
    async def asked(cluster: dict[str, Any]) -> str:
        transport = Transport(Access("c", {"server": server, **cluster}, {}, "default"))
        await transport.aclose()
        return transport._session.headers["Accept-Encoding"]

    assert asyncio.run(asked({})) == encoding
    assert asyncio.run(asked({"disable-compression": True})) == "identity"


def test_certificates_given_as_text_are_used_and_left_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    pair = Authority().issue("me")
    data = {
        "client-certificate-data": base64.b64encode(pair.certificate).decode(),
        "client-key-data": base64.b64encode(pair.key).decode(),
    }
    cluster = {"server": "https://192.0.2.1", "certificate-authority-data": data["client-certificate-data"]}
    login = asyncio.run(Credentials(Access("c", cluster, data, "default")).login())
    assert login.ssl is not None
    assert login.ssl.verify_mode is ssl.CERT_REQUIRED
    assert not list(tmp_path.iterdir())


def test_a_certificate_of_another_authority(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        (tmp_path / "other.crt").write_bytes(Authority().certificate)
        error = await failing(rig, certificate_authority=str(tmp_path / "other.crt"))()
        assert "TLS: " in error.message
        assert "certificate-authority" in error.hint

    play(story, tmp_path)


def test_a_server_under_another_name(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        error = await failing(rig, tls_server_name="elsewhere.test")()
        assert "elsewhere.test" in error.message

    play(story, tmp_path)


def test_the_name_that_the_certificate_has_is_believed(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        rig.read(tls_server_name="kubernetes.default.svc")
        await rig.equal_to_a_fresh_list()

    play(story, tmp_path)


def test_nobody_listens(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.server.stop()
        error = await failing(rig)()
        assert error.message == f"{rig.server.url} (context 'lab'): Connection refused"
        assert "--context" in error.hint

    play(story, tmp_path)


def test_something_that_is_no_api_server(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        async def page(_: web.Request) -> web.Response:
            return web.Response(text="<html>hello</html>")

        rig.fault = page
        error = await failing(rig)()
        assert "is not a Kubernetes API server" in error.message

    play(story, tmp_path)


def test_nothing_is_told_of_a_server_that_has_not_greeted_yet(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        async def gone(request: web.Request) -> web.Response:
            if request.path == "/version":
                await asyncio.sleep(0.3)
                return web.Response(status=401)
            return web.Response(status=503)

        rig.fault = gone
        error = await failing(rig)()
        assert "does not accept the credentials" in error.message
        assert rig.coverage == {}

    play(story, tmp_path)


def test_a_proxy_that_is_no_http_proxy(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        error = await failing(rig, kubeconfig=user(rig, cluster={"proxy-url": "socks5://127.0.0.1:1"}))()
        assert "is no HTTP proxy" in error.message

    play(story, tmp_path)


def test_an_expired_login_of_an_auth_provider_is_not_used_up(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        expired = "e30.eyJleHAiOjF9.c2ln"  # {"exp": 1}
        provider = {"name": "oidc", "config": {"id-token": expired, "refresh-token": "only-once"}}
        error = await failing(rig, kubeconfig=user(rig, **{"auth-provider": provider}))()
        assert "cannot be used" in error.message
        assert "kubectl version" in error.hint

    play(story, tmp_path)


def test_a_name_and_a_password_are_sent_where_there_is_no_token(tmp_path: Path) -> None:
    given: list[str | None] = []

    async def seen(request: web.Request) -> web.Response:
        given.append(request.headers.get("Authorization"))
        return web.json_response({"gitVersion": "v1"})

    async def story(rig: Rig) -> None:
        rig.fault = seen
        for entry in (
            {"username": "jane", "password": "sesame"},
            {"token": "t", "username": "j", "password": "s"},
        ):
            cluster = {"server": rig.server.url, "insecure-skip-tls-verify": True}
            transport = Transport(Access("", cluster, entry, "default"))
            await transport.ask("/version")
            await transport.aclose()

    play(story, tmp_path)
    assert given == ["Basic " + base64.b64encode(b"jane:sesame").decode(), "Bearer t"]


def test_a_certificate_that_is_not_there_is_named(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        error = await failing(rig, kubeconfig=user(rig, **{"client-certificate": "/nowhere.pem"}))()
        assert error.message == "the kubeconfig's client-certificate /nowhere.pem: there is no such file"

    play(story, tmp_path)


def test_a_certificate_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(keys))

    async def story(rig: Rig) -> None:
        broken = {"client-certificate-data": "bm9uZQ==", "client-key-data": "bm9uZQ=="}
        error = await failing(rig, kubeconfig=user(rig, **broken))()
        assert "certificates cannot be used" in error.message
        assert not list(keys.iterdir())

    play(story, tmp_path)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_hangs_up_at_once_is_told_with_a_reason(scheme: str) -> None:
    async def story() -> str:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            transport = Transport(Access("", {"server": f"{scheme}://127.0.0.1:{port}"}, {}, "default"))
            try:
                with pytest.raises(Unreachable) as caught:
                    await transport.ask("/version")
            finally:
                await transport.aclose()
        return caught.value.message

    assert asyncio.run(story()).partition(": ")[2]  # not only the address
