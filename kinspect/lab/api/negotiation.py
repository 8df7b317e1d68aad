"""Which form of an answer a client accepts: objects, a Table, metadata only, or none that we have."""

from __future__ import annotations

from typing import Literal, NamedTuple

from kinspect.lab import status

Form = Literal["object", "table", "metadata"]

_AVAILABLE = "application/json, application/yaml, application/json;stream=watch"
_TABLE = "Table"
_METADATA = ("PartialObjectMetadata", "PartialObjectMetadataList")


class MediaType(NamedTuple):
    """One entry of an Accept header: its type and its parameters."""

    type: str
    parameters: dict[str, str]


def form(accept: str) -> Form:
    """The first form in an Accept header that the server has. Raises NotAcceptable."""
    entries = _entries(accept)
    for entry in entries:
        if entry.type not in ("application/json", "application/*", "*/*"):
            continue
        if "as" not in entry.parameters:
            return "object"
        if entry.parameters.get("v") != "v1" or entry.parameters.get("g") != "meta.k8s.io":
            continue
        if entry.parameters["as"] == _TABLE:
            return "table"
        if entry.parameters["as"] in _METADATA:
            return "metadata"
    if not entries:
        return "object"
    raise status.not_acceptable(_AVAILABLE)


def accepts_aggregated_discovery(accept: str) -> bool:
    """Whether the client prefers one document with all groups (apidiscovery.k8s.io/v2)."""
    return any(
        entry.parameters.get("as") == "APIGroupDiscoveryList" and entry.parameters.get("v") == "v2"
        for entry in _entries(accept)
    )


def _entries(accept: str) -> list[MediaType]:
    entries = []
    for item in accept.split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        if name:
            pairs = (parameter.partition("=") for parameter in parameters)
            entries.append(MediaType(name, {key: value for key, _, value in pairs}))
    return entries
