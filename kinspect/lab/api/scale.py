"""The scale subresource: how many replicas a workload has and shall have, as autoscaling/v1 Scale."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from kinspect.lab import status
from kinspect.lab.admission import causes
from kinspect.lab.api import answers, bodies, writing
from kinspect.lab.api.requests import RequestInfo
from kinspect.lab.resources import Resource
from kinspect.lab.status import Json
from kinspect.lab.store import Store


async def answer(request: web.Request, store: Store, resource: Resource, info: RequestInfo) -> web.Response:
    """GET, PUT and PATCH of the scale."""
    present = store.get(resource.kind, info.namespace, info.name)
    match info.verb:
        case "get":
            return answers.document(request, _scale(present))
        case "update":
            given = await bodies.any_value(request)
        case "patch":
            given = await writing.patch_body(request, _scale(present), by_key=True)
        case _:
            raise status.method_not_allowed()
    replicas, asked = _wanted(given, info.name)

    def change(item: Json) -> None:
        item["spec"]["replicas"] = replicas
        if asked:
            item["metadata"]["resourceVersion"] = asked

    changed = store.update(resource.kind, info.namespace, info.name, change)
    return answers.document(request, _scale(changed))


def _wanted(given: Any, name: str) -> tuple[int, str | None]:
    """The replicas, and the resourceVersion that they are about. Raises BadRequest or Invalid."""
    try:
        replicas = (given.get("spec") or {}).get("replicas") or 0
        version = (given.get("metadata") or {}).get("resourceVersion")
    except AttributeError:
        raise status.bad_request("a Scale is an object with metadata and spec") from None
    if not isinstance(replicas, int) or replicas < 0:
        found = causes.invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise status.invalid("autoscaling", "Scale", name, [found])
    return replicas, version


def _scale(workload: Json) -> Json:
    meta, selector = workload["metadata"], workload["spec"].get("selector") or {}
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    pairs = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    told: Json = {"replicas": workload.get("status", {}).get("replicas", 0), "selector": ",".join(pairs)}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in kept},
        "spec": {"replicas": workload["spec"].get("replicas", 0)},
        "status": told,
    }
