"""What a client sends: objects in JSON, YAML or protobuf, checked against their address."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from kinspect.errors import Unreadable
from kinspect.lab import fields, status
from kinspect.lab.api import protobuf
from kinspect.lab.api.requests import RequestInfo
from kinspect.lab.resources import Resource
from kinspect.lab.status import Json
from kinspect.model import yaml

_PROTOBUF = "application/vnd.kubernetes.protobuf"
_OBJECTS = ("application/json", "application/yaml", _PROTOBUF)


async def any_value(request: web.Request) -> Any:
    """The body, decoded; None when it is empty. Raises BadRequest."""
    body = await request.read()
    if not body:
        return None
    try:
        if request.content_type in ("application/yaml", "application/apply-patch+yaml"):
            return next(iter(yaml.documents(body, "body")), None)
        if request.content_type == _PROTOBUF:
            return protobuf.decode(body)
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, Unreadable) as error:
        raise status.bad_request(f"couldn't get version/kind; json parse error: {error}") from None
    except protobuf.Undecodable as error:
        raise status.bad_request(f"protobuf: {error}; send JSON, as `kubectl create -f` does") from None


async def new_object(request: web.Request, resource: Resource, info: RequestInfo) -> Json:
    """The object in the body. Raises UnsupportedMediaType, or BadRequest when it does not fit the address."""
    # A body without a type is read as JSON.
    if request.content_type not in (*_OBJECTS, "application/octet-stream"):
        raise status.unsupported_media_type(", ".join(_OBJECTS))
    given = await any_value(request)
    if not isinstance(given, dict):
        raise status.bad_request(f"the object provided is unrecognized (must be of type {resource.kind})")
    return placed(given, resource, info)


def placed(given: Json, resource: Resource, info: RequestInfo) -> Json:
    """The object with kind, namespace and name of its address. Raises BadRequest when they contradict."""
    version = given.get("apiVersion") or resource.api_version
    if version != resource.api_version:
        raise status.bad_request(
            f"the API version in the data ({version}) does not match the expected API version "
            f"({resource.api_version})"
        )
    kind = given.get("kind") or resource.kind
    if kind != resource.kind:
        raise status.bad_request(
            f'{kind} in version "{resource.version}" cannot be handled as a {resource.kind}: '
            f'no kind "{kind}" is registered for this resource'
        )
    meta = dict(given.get("metadata") or {})
    if meta.get("namespace") not in (None, "", info.namespace):
        raise status.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if info.namespace:
        meta["namespace"] = info.namespace
    if info.name:
        if meta.get("name") not in (None, "", info.name):
            raise status.bad_request(
                f"the name of the object ({meta['name']}) does not match the name on the URL ({info.name})"
            )
        meta["name"] = info.name
    return {**given, "kind": kind, "apiVersion": version, "metadata": meta}


def checked(request: web.Request, given: Json) -> tuple[Json, list[str]]:
    """The object without unknown fields, and the warnings about them. Raises BadRequest."""
    level = request.query.get("fieldValidation") or "Warn"
    if level not in ("Ignore", "Warn", "Strict"):
        raise status.bad_request(f"invalid fieldValidation: {level}: must be one of: Ignore, Strict, Warn")
    kind, version = given["kind"], given["apiVersion"].rpartition("/")[2]
    refused = f'{kind} in version "{version}" cannot be handled as a {kind}'
    try:
        found = fields.check(given)
    except fields.WrongType as error:
        raise status.bad_request(f"{refused}: {error}") from None
    told = [f'unknown field "{path}"' for path in found.unknown]
    if told and level == "Strict":
        raise status.bad_request(f"{refused}: strict decoding error: {', '.join(told)}")
    return found.item, told if level == "Warn" else []
