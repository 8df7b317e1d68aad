"""GET on resources: one object, a list, a watch, each as objects, as a Table, or as metadata only."""

from __future__ import annotations

import msgspec
from aiohttp import web

from kinspect.lab.api import answers, listing, negotiation, watching
from kinspect.lab.api.negotiation import Form
from kinspect.lab.api.requests import RequestInfo, flag
from kinspect.lab.api.tables import table
from kinspect.lab.resources import Resource
from kinspect.lab.status import Json
from kinspect.lab.store import Store

_META = "meta.k8s.io/v1"


async def get(request: web.Request, store: Store, resource: Resource, info: RequestInfo) -> web.Response:
    item = store.get(resource.kind, info.namespace, info.name)
    return answers.document(request, shaped(request, store, resource, item))


async def list_(
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
    return answers.document(request, list_shaped(request, store, resource, page.items, meta))


async def watch(
    request: web.Request,
    store: Store,
    resource: Resource,
    info: RequestInfo,
    bookmark_every_s: float,
    longest_s: float,
) -> web.StreamResponse:
    """Streams a watch until it is over or the client is gone."""
    asked = watching.parse(resource, info.namespace or None, request.query, longest_s)
    form = negotiation.form(request.headers.get("Accept", ""))
    response = web.StreamResponse(headers=answers.headers() | {"Content-Type": "application/json"})
    header = True
    try:
        await response.prepare(request)
        async for told in watching.stream(store, asked, bookmark_every_s):
            item = told.object
            if told.type != "ERROR":
                item = _in_form(form, request, store, resource, item, header=header)
                header = False
            await response.write(msgspec.json.encode({"type": told.type, "object": item}) + b"\n")
        await response.write_eof()
    except ConnectionResetError:
        pass  # the client has seen enough
    return response


def shaped(request: web.Request, store: Store, resource: Resource, item: Json) -> Json:
    """An object in the form that the request accepts."""
    form = negotiation.form(request.headers.get("Accept", ""))
    return _in_form(form, request, store, resource, item, header=True)


def list_shaped(
    request: web.Request, store: Store, resource: Resource, items: list[Json], meta: Json
) -> Json:
    """A list in the form that the request accepts; its items have no kind, as those of a real server."""
    form = negotiation.form(request.headers.get("Accept", ""))
    if form == "table":
        include = request.query.get("includeObject", "Metadata")
        return table(resource.kind, items, meta, store.clock(), include)
    if form == "metadata":
        head = {"kind": "PartialObjectMetadataList", "apiVersion": _META, "metadata": meta}
        return head | {"items": [_metadata_only(item) for item in items]}
    bare = [{k: v for k, v in item.items() if k not in ("kind", "apiVersion")} for item in items]
    head = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": meta}
    return head | {"items": bare}


def _in_form(
    form: Form, request: web.Request, store: Store, resource: Resource, item: Json, *, header: bool
) -> Json:
    if form == "metadata":
        return _metadata_only(item)
    whole = {"kind": resource.kind, "apiVersion": resource.api_version} | item
    if form == "object":
        return whole
    include = request.query.get("includeObject", "Metadata")
    meta = {"resourceVersion": item["metadata"]["resourceVersion"]}
    return table(resource.kind, [whole], meta, store.clock(), include, header=header)


def _metadata_only(item: Json) -> Json:
    return {"kind": "PartialObjectMetadata", "apiVersion": _META, "metadata": item["metadata"]}
