"""GET on resources: one object, a list, a watch, each as objects, as a Table, or as metadata only."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from kinspect.lab.api import answers, listing, negotiation, watching
from kinspect.lab.api.requests import RequestInfo, flag
from kinspect.lab.resources import Resource
from kinspect.lab.status import Json
from kinspect.lab.store import Store

_TABLES = "meta.k8s.io/v1"


def get(request: web.Request, store: Store, resource: Resource, info: RequestInfo) -> web.Response:
    item = store.get(resource.kind, info.namespace, info.name)
    return answers.document(request, shaped(request, resource, item))


def list_(
    request: web.Request, store: Store, resource: Resource, info: RequestInfo, largest_page: int | None
) -> web.Response:
    """A list, or a page of it; `largest_page` is the most that this server puts into one."""
    asked = listing.options(request.query)
    if flag(request.query, "sendInitialEvents"):
        problems = [("sendInitialEvents", "Forbidden: sendInitialEvents is forbidden for list")]
        if asked.match and asked.version is None:
            message = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
            problems.insert(0, ("resourceVersionMatch", message))
        raise listing.invalid_options(*problems)
    if largest_page and asked.limit:
        asked = asked._replace(limit=min(asked.limit, largest_page))
    page = listing.page(store, resource, info.namespace or None, asked)
    meta: Json = {"resourceVersion": str(page.version)}
    if page.token:
        meta["continue"] = page.token
    if page.remaining is not None:
        meta["remainingItemCount"] = page.remaining
    return answers.document(request, _list_shaped(request, store, resource, page.items, meta))


async def watch(
    request: web.Request,
    store: Store,
    resource: Resource,
    info: RequestInfo,
    bookmark_every_s: float,
    longest_s: float,
) -> web.StreamResponse:
    """Streams a watch until it is over or the client is gone."""
    namespace = info.namespace or None
    asked = watching.parse(resource, namespace, request.query, longest_s)
    shape = negotiation.form(request.headers.get("Accept", ""))
    response = web.StreamResponse(headers=answers.headers() | {"Content-Type": "application/json"})
    await response.prepare(request)
    first_row = True
    try:
        async for told in watching.stream(store, asked, bookmark_every_s):
            item = told.object
            if told.type != "ERROR":
                item = _shaped(shape, store, resource, item, told.type, columns=first_row)
                first_row = False
            await response.write(msgspec.json.encode({"type": told.type, "object": item}) + b"\n")
        await response.write_eof()
    except ConnectionResetError:
        pass  # the client has seen enough
    return response


def shaped(request: web.Request, resource: Resource, item: Json) -> Json:
    """An object in the form that the request accepts."""
    shape = negotiation.form(request.headers.get("Accept", ""))
    return _shaped(shape, None, resource, item, "", columns=True)


def _shaped(
    shape: negotiation.Form, store: Store | None, resource: Resource, item: Json, event: str, *, columns: bool
) -> Json:
    if shape == "metadata":
        return _metadata_only(item)
    return typed(resource, item)


def _list_shaped(
    request: web.Request, store: Store, resource: Resource, items: list[Json], meta: Json
) -> Any:
    shape = negotiation.form(request.headers.get("Accept", ""))
    if shape == "metadata":
        partial = [_metadata_only(item) for item in items]
        return {
            "kind": "PartialObjectMetadataList",
            "apiVersion": _TABLES,
            "metadata": meta,
            "items": partial,
        }
    bare = [{k: v for k, v in item.items() if k not in ("kind", "apiVersion")} for item in items]
    head = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": meta}
    return head | {"items": bare}


def typed(resource: Resource, item: Json) -> Json:
    """The object with its kind first, as a typed client wants it."""
    return {"kind": resource.kind, "apiVersion": resource.api_version} | item


def _metadata_only(item: Json) -> Json:
    return {"kind": "PartialObjectMetadata", "apiVersion": _TABLES, "metadata": item["metadata"]}
