"""Rights are asked by access reviews and told apart: everywhere, one namespace, no, absent, unknown."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from aiohttp import web

from kinspect.cli import run as run_command
from kinspect.export.doctor import Doctor
from kinspect.export.encode import schema_of
from kinspect.sources.options import ClusterOptions
from kinspect.sources.rights import Report, ask
from tests.sources.rig import Rig

DATA = Path(__file__).parent / "data"
ALLOWED, DENIED = (DATA / "ssar-allowed.json").read_bytes(), (DATA / "ssar-denied.json").read_bytes()


def reviewing(decide: Callable[[dict[str, str]], bool | None]) -> Callable[[web.Request], Awaitable[Any]]:
    """Answers access reviews with recorded bytes; None = the server has trouble."""

    async def fault(request: web.Request) -> web.Response | None:
        if request.path.endswith("/selfsubjectreviews"):
            return web.json_response({"status": {"userInfo": {"username": "jane"}}}, status=201)
        if not request.path.endswith("/selfsubjectaccessreviews"):
            return None
        allowed = decide((await request.json())["spec"]["resourceAttributes"])
        if allowed is None:
            return web.Response(status=500, text="trouble")
        return web.Response(status=201, body=ALLOWED if allowed else DENIED, content_type="application/json")

    return fault


def report(directory: Path, decide: Callable[[dict[str, str]], bool | None]) -> Report:
    async def asked() -> Report:
        async with Rig(directory) as rig:
            rig.fault = reviewing(decide)
            return await ask(ClusterOptions(kubeconfig=str(rig.server.kubeconfig), namespace="shop"))

    return asyncio.run(asked())


def told(found: Report) -> dict[str, str]:
    return {each.right.name: each.allowed for each in found.answers}


def test_everything_is_allowed(tmp_path: Path) -> None:
    found = report(tmp_path, lambda _: True)
    assert (found.user, found.context, found.namespace) == ("jane", "lab", "shop")
    assert found.version.startswith("v1.")
    assert told(found)["list and watch services"] == "everywhere"
    assert told(found)["get and create pods/exec"] == "everywhere"
    assert told(found)["get configmaps"] == "in the namespace"


def test_a_user_of_one_namespace(tmp_path: Path) -> None:
    found = report(tmp_path, lambda wanted: wanted.get("namespace") == "shop")
    assert told(found)["list and watch services"] == "in the namespace"
    assert told(found)["list and watch nodes"] == "no"
    assert told(found)["get configmaps"] == "no"


def test_both_verbs_are_needed(tmp_path: Path) -> None:
    found = report(tmp_path, lambda wanted: wanted["verb"] != "create")
    assert told(found)["get and create pods/exec"] == "no"
    assert told(found)["list and watch pods"] == "everywhere"


def test_trouble_is_unknown_and_never_no(tmp_path: Path) -> None:
    assert set(told(report(tmp_path, lambda _: None)).values()) == {"unknown"}


def test_a_kind_that_is_not_installed_is_absent(tmp_path: Path) -> None:
    async def asked() -> Report:
        async with Rig(tmp_path) as rig:

            async def without(request: web.Request) -> web.Response | None:
                if "gateway.networking.k8s.io" in request.path:
                    return web.Response(status=404, text="404 page not found")
                reviewed: web.Response | None = await reviewing(lambda _: True)(request)
                return reviewed

            rig.fault = without
            return await ask(ClusterOptions(kubeconfig=str(rig.server.kubeconfig)))

    found = told(asyncio.run(asked()))
    assert found["list and watch httproutes.gateway.networking.k8s.io"] == "absent"
    assert found["list and watch ingresses.networking.k8s.io"] == "everywhere"


def test_the_command_tells_both_as_text_and_json(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    async def asked(*arguments: str) -> bytes:
        async with Rig(tmp_path) as rig:
            rig.fault = reviewing(lambda wanted: wanted["verb"] != "patch")
            command = ["doctor", "--kubeconfig", str(rig.server.kubeconfig), *arguments]
            assert await asyncio.to_thread(run_command, command) == 0
            return capfdbinary.readouterr().out

    text = asyncio.run(asked()).decode()
    assert "as jane" in text
    assert "✓ list and watch services: everywhere" in text
    assert "✗ patch pods/ephemeralcontainers: no" in text
    document = json.loads(asyncio.run(asked("-o", "json")))
    jsonschema.validate(document, schema_of(Doctor))
    assert {each["name"] for each in document["machine"]} >= {"kubectl", "AF_PACKET", "user namespaces"}


def test_without_a_cluster_the_machine_is_still_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config").write_text("{}")
    assert run_command(["doctor", "--kubeconfig", str(tmp_path / "config")]) == 0
    out = capfd.readouterr().out
    assert "This machine" in out
    assert "✗ no cluster is configured" in out
