"""OpenAPI v3, as far as kubectl needs it: which kinds there are, and that the server checks fields itself.

kubectl asks whether a PATCH of the kind takes `fieldValidation`; then it leaves checking to the server and
needs no schema. No types are described, so `kubectl explain` finds nothing.

About a manifest of kind List, kubectl asks version 2, as protobuf. There an empty document describes nothing,
and what is not described is not checked before it is sent.
"""

from __future__ import annotations

from collections.abc import Iterable

from kinspect.lab.api.discovery import VERSION
from kinspect.lab.resources import Resource
from kinspect.lab.status import Json

V2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
V2_DOCUMENT = b""


def index(resources: Iterable[Resource]) -> Json:
    """Where the document of each group and version lies."""
    roots = dict.fromkeys(_root(resource) for resource in resources)
    return {"paths": {root: {"serverRelativeURL": f"/openapi/v3/{root}?hash=1"} for root in roots}}


def document(resources: Iterable[Resource], root: str) -> Json | None:
    """The document of `api/v1` or `apis/GROUP/VERSION`; None when there is no such group."""
    found = [resource for resource in resources if _root(resource) == root]
    if not found:
        return None
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": VERSION["gitVersion"]},
        "paths": {_path(resource): {"patch": _patch(resource)} for resource in found},
        "components": {"schemas": {}},
    }


def _root(resource: Resource) -> str:
    return f"apis/{resource.group}/{resource.version}" if resource.group else f"api/{resource.version}"


def _path(resource: Resource) -> str:
    scope = "namespaces/{namespace}/" if resource.namespaced else ""
    return f"/{_root(resource)}/{scope}{resource.plural}/{{name}}"


def _patch(resource: Resource) -> Json:
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    names = ("dryRun", "fieldManager", "fieldValidation", "force")
    return {
        "parameters": [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names],
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": kind,
    }
