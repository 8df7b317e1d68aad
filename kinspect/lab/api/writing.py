"""POST, PUT, PATCH and DELETE on resources.

Limits: server-side apply is refused (kubectl applies on its own side).
"""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from kinspect.lab import admission, status
from kinspect.lab.api import answers, bodies, listing, merging, reading
from kinspect.lab.api.requests import RequestInfo
from kinspect.lab.controllers.garbage import FOREGROUND, ORPHAN
from kinspect.lab.resources import GATEWAY_GROUP, Resource
from kinspect.lab.status import Json
from kinspect.lab.store import Store, name_of

_MERGE = "application/merge-patch+json"
_OPERATIONS = "application/json-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"
_RETURNED = ("Pod", "Service", "ServiceAccount")
"""Kinds whose deletion answers with the object itself, and not with a Status."""
_FINALIZERS = {"Foreground": FOREGROUND, "Orphan": ORPHAN}


async def create(request: web.Request, store: Store, resource: Resource, info: RequestInfo) -> web.Response:
    given = await bodies.new_object(request, resource, info)
    checked, told = bodies.checked(request, given)
    made = store.create(checked, dry_run=_dry_run(request))
    warnings = (*told, *admission.warnings(made))
    content = reading.shaped(request, store, resource, made)
    return answers.document(request, content, HTTPStatus.CREATED, warnings=warnings)


async def replace(request: web.Request, store: Store, resource: Resource, info: RequestInfo) -> web.Response:
    given = await bodies.new_object(request, resource, info)
    return _replaced(request, store, resource, given, info)


async def patch(request: web.Request, store: Store, resource: Resource, info: RequestInfo) -> web.Response:
    by_key = resource.group != GATEWAY_GROUP
    _require_patch(request, by_key=by_key)
    present = store.get(resource.kind, info.namespace, info.name)
    patched = await patch_body(request, present, by_key=by_key)
    return _replaced(request, store, resource, bodies.placed(patched, resource, info), info)


async def patch_body(request: web.Request, present: Json, *, by_key: bool) -> Json:
    """What `present` becomes by the patch in the body; `by_key`: it may be a strategic one."""
    _require_patch(request, by_key=by_key)
    given = await bodies.any_value(request)
    if request.content_type == _OPERATIONS:
        if not isinstance(given, list):
            raise status.bad_request("a JSON patch is a list of operations")
        return merging.apply_operations(present, given)
    if not isinstance(given, dict):
        raise status.bad_request("a merge patch is an object")
    merged: Json = (merging.merge if request.content_type == _MERGE else merging.strategic)(present, given)
    return merged


def _require_patch(request: web.Request, *, by_key: bool) -> None:
    """Raises UnsupportedMediaType for a body that is none of the patches."""
    accepted = (_OPERATIONS, _MERGE, *((_STRATEGIC,) if by_key else ()))
    if request.content_type not in accepted:
        raise status.unsupported_media_type(", ".join(accepted))


async def delete(request: web.Request, store: Store, resource: Resource, info: RequestInfo) -> web.Response:
    options = await _delete_options(request)
    present = store.get(resource.kind, info.namespace, info.name)
    _require(resource, present, options.get("preconditions") or {})
    if _dry_run(request, options):
        return answers.document(request, reading.shaped(request, store, resource, present))
    last, gone = _delete(store, present, options)
    if resource.kind in _RETURNED or not gone:
        return answers.document(request, reading.shaped(request, store, resource, last))
    details: Json = {"name": info.name, "group": resource.group, "kind": resource.plural}
    details = {key: value for key, value in details.items() if value}
    done: Json = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return answers.document(request, done | {"details": details | {"uid": last["metadata"]["uid"]}})


async def delete_all(
    request: web.Request, store: Store, resource: Resource, info: RequestInfo
) -> web.Response:
    """Deletes every object that a list with the same query would have."""
    options = await _delete_options(request)
    found = listing.page(store, resource, info.namespace or None, listing.options(request.query)).items
    if not _dry_run(request, options):
        for item in found:
            _delete(store, item, options)
    meta = {"resourceVersion": str(store.version)}
    return answers.document(request, reading.list_shaped(request, store, resource, found, meta))


def _replaced(
    request: web.Request, store: Store, resource: Resource, given: Json, info: RequestInfo
) -> web.Response:
    checked, told = bodies.checked(request, given)
    subresource = "status" if info.subresource == "status" else ""
    made = store.replace(checked, subresource, dry_run=_dry_run(request))
    content = reading.shaped(request, store, resource, made)
    return answers.document(request, content, warnings=(*told, *admission.warnings(made)))


def _delete(store: Store, item: Json, options: Json) -> tuple[Json, bool]:
    kind, names = item["kind"], name_of(item)
    finalizer = _FINALIZERS.get(options.get("propagationPolicy") or "", "")
    return store.delete(kind, *names, grace_s=options.get("gracePeriodSeconds"), finalizer=finalizer)


async def _delete_options(request: web.Request) -> Json:
    given = await bodies.any_value(request)
    options = given if isinstance(given, dict) else {}
    query = request.query
    if "gracePeriodSeconds" in query:
        options["gracePeriodSeconds"] = listing.number(query["gracePeriodSeconds"])
    if "propagationPolicy" in query:
        options["propagationPolicy"] = query["propagationPolicy"]
    grace = options.get("gracePeriodSeconds")
    if grace is not None and (not isinstance(grace, int) or grace < 0):
        raise status.bad_request("gracePeriodSeconds must be a number of seconds, 0 or more")
    return options


def _require(resource: Resource, present: Json, preconditions: Json) -> None:
    meta = present["metadata"]
    for field, told in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        wanted = preconditions.get(field)
        if wanted is not None and wanted != meta[field]:
            message = (
                f"Precondition failed: {told} in precondition: {wanted}, {told} in object meta: {meta[field]}"
            )
            raise status.conflict(resource, meta["name"], message)


def _dry_run(request: web.Request, options: Json | None = None) -> bool:
    asked = request.query.getall("dryRun", []) or (options or {}).get("dryRun") or []
    if asked and asked != ["All"]:
        raise status.bad_request(f'invalid dryRun parameter: Unsupported value: "{asked[0]}"')
    return bool(asked)
