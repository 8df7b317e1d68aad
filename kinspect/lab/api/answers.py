"""Answers in HTTP: JSON bodies with the headers that an API server sends, and Status objects."""

from __future__ import annotations

import gzip
import uuid
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web

from kinspect.lab.status import Rejection

_COMPRESSED_FROM = 128 * 1024
"""apiserver's endpoints/handlers/responsewriters: smaller bodies are never compressed."""


def headers() -> dict[str, str]:
    return {"Audit-Id": str(uuid.uuid4()), "Cache-Control": "no-cache, private"}


def document(
    request: web.Request,
    content: Any,
    code: int = HTTPStatus.OK,
    content_type: str = "application/json",
    warnings: tuple[str, ...] = (),
) -> web.Response:
    """`content` as JSON, compressed when it is large and the client takes that."""
    body = msgspec.json.encode(content) + b"\n"
    response = web.Response(status=code, headers=headers() | {"Content-Type": content_type})
    for warning in warnings:
        warn(response, warning)
    if len(body) > _COMPRESSED_FROM and "gzip" in request.headers.get("Accept-Encoding", ""):
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Vary"] = "Accept-Encoding"
        body = gzip.compress(body, compresslevel=1)
    response.body = body
    return response


def warn(response: web.StreamResponse, warning: str) -> None:
    """Adds a warning that kubectl prints (RFC 7234, section 5.5)."""
    quoted = warning.replace("\\", "\\\\").replace('"', '\\"')
    response.headers.add("Warning", f'299 - "{quoted}"')


def text(content: str, code: int = HTTPStatus.OK) -> web.Response:
    extra = {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}
    return web.Response(status=code, text=content, headers=headers() | extra)


def page_not_found() -> web.Response:
    """What is answered for a path of a group that is not there: no Status, only text."""
    return text("404 page not found\n", HTTPStatus.NOT_FOUND)


def refusal(request: web.Request, rejection: Rejection) -> web.Response:
    response = document(request, rejection.status, rejection.code)
    retry_after = rejection.status.get("details", {}).get("retryAfterSeconds")
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response
