"""The scale subresource: how many replicas a workload has and shall have, as autoscaling/v1 Scale."""

from __future__ import annotations

from aiohttp import web

from kinspect.lab import status
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
    replicas = (given or {}).get("spec", {}).get("replicas", 0)
    asked = (given or {}).get("metadata", {}).get("resourceVersion")

    def change(item: Json) -> None:
        item["spec"]["replicas"] = replicas
        if asked:
            item["metadata"]["resourceVersion"] = asked

    changed = store.update(resource.kind, info.namespace, info.name, change)
    return answers.document(request, _scale(changed))


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
