"""Which request goes where, and who may send it: resources, reviews, discovery, and the few other paths."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple

from aiohttp import web

from kinspect.lab import status
from kinspect.lab.api import (
    answers,
    bodies,
    discovery,
    negotiation,
    openapi,
    reading,
    requests,
    reviews,
    scale,
    writing,
)
from kinspect.lab.api.requests import RequestInfo
from kinspect.lab.api.reviews import Allows
from kinspect.lab.resources import Resource
from kinspect.lab.status import Rejection
from kinspect.lab.store import Store

ANONYMOUS = "system:anonymous"
_INTO_CONTAINERS = ("attach", "exec", "log", "portforward")
_NO_CONTAINERS = (
    "no container is run here; the way into a pod is: kinspect lab exec pod/NAMESPACE/NAME -- COMMAND"
)
_OPEN_PATHS = ("/version", "/healthz", "/livez", "/readyz")

Handler = Callable[[web.Request, Store, Resource, RequestInfo], Awaitable[web.StreamResponse]]

_OF_ONE: Mapping[str, Handler] = {
    "get": reading.get,
    "update": writing.replace,
    "patch": writing.patch,
    "delete": writing.delete,
}
_OF_MANY: Mapping[str, Handler] = {"create": writing.create, "deletecollection": writing.delete_all}


class Limits(NamedTuple):
    """The knobs of the server: the most items in a page (None = what is asked), and the times of watches."""

    largest_page: int | None = None
    bookmark_every_s: float = 60.0
    longest_watch_s: float = 1_800.0


class User(NamedTuple):
    """Who asks. `allows` tells what the user may do; an anonymous one may do nothing."""

    name: str
    allows: Allows


async def answer(request: web.Request, store: Store, who: User, limits: Limits) -> web.StreamResponse:
    """The answer to any request. Raises Rejection."""
    info = requests.parse(request.method, request.path, request.query)
    if info is None:
        return _other_path(request, store, who)
    about_oneself = info.resource in discovery.REVIEWS.get(info.group, ())
    resource = _find(store, info)
    if who.name == ANONYMOUS or not (about_oneself or who.allows(info)):
        raise _forbidden(who.name, info, resource)
    if about_oneself:
        return await _review(request, store, who, info)
    if resource is None:
        if info.group and info.group not in discovery.group_names(store.resources.values()):
            return answers.page_not_found()
        raise status.no_such_resource()
    _require_address(resource, info)
    response = await _about(request, store, resource, info, limits)
    if resource.deprecated and not response.prepared:
        answers.warn(response, resource.deprecated)
    return response


async def _about(
    request: web.Request, store: Store, resource: Resource, info: RequestInfo, limits: Limits
) -> web.StreamResponse:
    if info.subresource == "scale":
        return await scale.answer(request, store, resource, info)
    if info.verb == "list":
        return await reading.list_(request, store, resource, info, limits.largest_page)
    if info.verb == "watch":
        every_s, longest_s = limits.bookmark_every_s, limits.longest_watch_s
        return await reading.watch(request, store, resource, info, every_s, longest_s)
    handler = (_OF_ONE if info.name else _OF_MANY).get(info.verb)
    if handler is None or info.verb not in resource.verbs:
        raise status.method_not_allowed()
    return await handler(request, store, resource, info)


def _find(store: Store, info: RequestInfo) -> Resource | None:
    """The resource of a request, or None: no such group, version or resource."""
    for resource in store.resources.values():
        if (resource.group, resource.version, resource.plural) == (info.group, info.version, info.resource):
            return resource
    return None


def _require_address(resource: Resource, info: RequestInfo) -> None:
    """Raises NotFound for an unknown subresource, and for a namespace too much or too few."""
    needed = resource.namespaced and bool(info.name or info.verb in ("create", "update", "patch"))
    if (info.namespace and not resource.namespaced) or (needed and not info.namespace):
        raise status.no_such_resource()
    if info.subresource and info.subresource not in resource.subresources:
        if resource.kind == "Pod" and info.subresource in _INTO_CONTAINERS:
            raise status.not_implemented(_NO_CONTAINERS)
        raise status.no_such_resource()


async def _review(request: web.Request, store: Store, who: User, info: RequestInfo) -> web.Response:
    if info.verb != "create":
        raise status.method_not_allowed()
    given = await bodies.any_value(request)
    if not isinstance(given, dict):
        raise status.bad_request("a review is an object")
    told = reviews.answer(info.resource, given, who.name, store.time(), who.allows, store.resources.values())
    return answers.document(request, told, HTTPStatus.CREATED)


def _other_path(request: web.Request, store: Store, who: User) -> web.Response:
    path = request.path.rstrip("/") or "/"
    if who.name == ANONYMOUS and path not in _OPEN_PATHS:
        raise status.forbidden_path(who.name, request.method.lower(), request.path)
    match path.split("/")[1:]:
        case ["version"]:
            return answers.document(request, discovery.VERSION)
        case ["healthz" | "livez" | "readyz"]:
            return answers.text("ok")
        case ["api" | "apis", *rest]:
            return _discovery(request, store, core=path.startswith("/api/") or path == "/api", rest=rest)
        case ["openapi", "v2"]:
            return web.Response(body=openapi.V2_DOCUMENT, content_type=openapi.V2)
        case ["openapi", "v3"]:
            return answers.document(request, openapi.index(store.resources.values()))
        case ["openapi", "v3", *root]:
            document = openapi.document(store.resources.values(), "/".join(root))
            return answers.document(request, document) if document else answers.page_not_found()
    return answers.page_not_found()


def _discovery(request: web.Request, store: Store, *, core: bool, rest: list[str]) -> web.Response:
    resources = tuple(store.resources.values())
    if not rest:
        if negotiation.accepts_aggregated_discovery(request.headers.get("Accept", "")):
            found = discovery.aggregated(resources, core=core)
            return answers.document(request, found, content_type=discovery.AGGREGATED)
        groups = discovery.core_versions(request.host) if core else discovery.groups(resources)
        return answers.document(request, groups)
    group, versions = ("", rest) if core else (rest[0], rest[1:])
    if group not in discovery.group_names(resources):
        return answers.page_not_found()
    if not versions:
        return answers.document(request, discovery.group(group))
    if versions == ["v1"]:
        return answers.document(request, discovery.resource_list(resources, group))
    raise status.no_such_resource()


def _forbidden(user: str, info: RequestInfo, resource: Resource | None) -> Rejection:
    scope = f'in the namespace "{info.namespace}"' if info.namespace else "at the cluster scope"
    plural = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    message = f'User "{user}" cannot {info.verb} resource "{plural}" in API group "{info.group}" {scope}'
    if resource is not None:
        return status.forbidden(resource, info.name, message)
    text = f"{info.resource}.{info.group}" if info.group else info.resource
    details = {"kind": info.resource}
    return Rejection(
        status.failure(HTTPStatus.FORBIDDEN, "Forbidden", f"{text} is forbidden: {message}", details)
    )
