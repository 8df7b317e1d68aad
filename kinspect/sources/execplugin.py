"""Credential plugins (`users[].user.exec`): run without our input, without a terminal, with a deadline.

The screen owns the terminal: a plugin that read from it would steal keys, and one that waits for an answer
would wait for ever. Source: client-go plugin/pkg/client/auth/exec; client.authentication.k8s.io v1, v1beta1.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from typing import Any

import msgspec

from kinspect.errors import Unreachable
from kinspect.model.decoding import NOT_JSON

API_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
DEADLINE_S = 60.0


class ExecStatus(msgspec.Struct, rename="camel", frozen=True):
    """What the plugin hands out; None = not given."""

    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None
    expiration_timestamp: str | None = None


class _ExecCredential(msgspec.Struct, rename="camel"):
    api_version: str
    kind: str
    status: ExecStatus


async def run(plugin: dict[str, Any], cluster: dict[str, Any], deadline_s: float = DEADLINE_S) -> ExecStatus:
    """The credentials that the plugin gives. Raises: Unreachable, with what the plugin said."""
    command, version = str(plugin.get("command") or ""), plugin.get("apiVersion")
    if not command:
        raise Unreachable("the kubeconfig's exec plugin names no command")
    if version not in API_VERSIONS:
        raise Unreachable(f"credential plugin {command}: apiVersion {version!r} is not known")
    if plugin.get("interactiveMode") == "Always":
        raise Unreachable(
            f"credential plugin {command} wants to talk to a terminal (interactiveMode: Always)",
            "Log in with it outside first (kubectl version does), or use a user that needs no terminal.",
        )
    output = await _output(command, plugin, _environment(plugin, cluster), deadline_s)
    try:
        given = msgspec.json.decode(output, type=_ExecCredential)
    except NOT_JSON as error:
        raise Unreachable(f"credential plugin {command}: its answer is no ExecCredential: {error}") from error
    if given.api_version != version:
        raise Unreachable(f"credential plugin {command}: answers as {given.api_version}, asked as {version}")
    if not given.status.token and not (given.status.client_certificate_data and given.status.client_key_data):
        raise Unreachable(
            f"credential plugin {command}: gives neither a token nor a certificate with its key"
        )
    return given.status


def _environment(plugin: dict[str, Any], cluster: dict[str, Any]) -> dict[str, str]:
    spec: dict[str, Any] = {"interactive": False}
    if plugin.get("provideClusterInfo"):
        keys = (
            "server",
            "tls-server-name",
            "insecure-skip-tls-verify",
            "certificate-authority-data",
            "proxy-url",
        )
        spec["cluster"] = {key: cluster[key] for key in keys if cluster.get(key)}
    info = {"kind": "ExecCredential", "apiVersion": plugin["apiVersion"], "spec": spec}
    added = {str(each["name"]): str(each.get("value") or "") for each in plugin.get("env") or ()}
    return {**os.environ, **added, "KUBERNETES_EXEC_INFO": json.dumps(info)}


async def _output(
    command: str, plugin: dict[str, Any], environment: dict[str, str], deadline_s: float
) -> bytes:
    arguments = [str(each) for each in plugin.get("args") or ()]
    try:
        # A session of its own has no controlling terminal: /dev/tty cannot be opened behind our back.
        process = await asyncio.create_subprocess_exec(
            command,
            *arguments,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except ValueError as error:
        raise Unreachable(f"credential plugin {command}: {error}") from error
    except OSError as error:
        hint = str(plugin.get("installHint") or "").strip()
        raise Unreachable(f"credential plugin {command}: {error.strerror or error}", hint) from error
    try:
        async with asyncio.timeout(deadline_s):
            output, words = await process.communicate()
    except TimeoutError as error:
        raise Unreachable(
            f"credential plugin {command} gave no answer within {deadline_s:.0f} s",
            "It may be waiting for a person: log in with it outside first (kubectl version does).",
        ) from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode:
        last = (words.decode(errors="replace").strip() or "no message").splitlines()[-1]
        raise Unreachable(f"credential plugin {command} failed ({process.returncode}): {last}")
    return output
