"""What a request asks for, read from its method and path. Source: apiserver's request/requestinfo.go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

_VERBS = {
    "POST": "create",
    "GET": "get",
    "HEAD": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}


class RequestInfo(NamedTuple):
    """A request about resources. `namespace` and `name` are "" where the path has none."""

    verb: str
    group: str
    version: str
    namespace: str
    resource: str
    name: str
    subresource: str


def parse(method: str, path: str, query: Mapping[str, str]) -> RequestInfo | None:
    """Reads /api/v1/… and /apis/GROUP/VERSION/…; None for every path that names no resource."""
    parts = [part for part in path.split("/") if part]
    if len(parts) >= 3 and parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    elif len(parts) >= 4 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in ("status", "finalize"):
            rest = rest[2:]
    resource, name, subresource = (*rest, "", "")[:3]
    if resource == "namespaces":
        namespace = ""
    if len(rest) > 3:
        subresource = "/".join(rest[2:])
    return RequestInfo(_verb(method, name, query), group, version, namespace, resource, name, subresource)


def flag(query: Mapping[str, str], name: str) -> bool:
    """A boolean query parameter, as Kubernetes reads it: given and neither "false" nor "0"."""
    return name in query and query[name].lower() not in ("false", "0")


def _verb(method: str, name: str, query: Mapping[str, str]) -> str:
    verb = _VERBS.get(method, method.lower())
    if name:
        return verb
    if verb == "get":
        return "watch" if flag(query, "watch") else "list"
    return "deletecollection" if verb == "delete" else verb
