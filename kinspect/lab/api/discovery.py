"""Discovery: which groups, versions and resources there are, in many small documents or in one.

Source: apimachinery's metav1 APIGroupList and APIResourceList, and apidiscovery.k8s.io/v2 (KEP-3352).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kinspect.lab.resources import Resource
from kinspect.lab.status import Json

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

VERSION: Json = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.3+kinspect",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "none",
    "compiler": "none",
    "platform": "linux/amd64",
}
"""The release whose behaviour is shown; the suffix says who shows it."""

REVIEWS: Mapping[str, Mapping[str, str]] = {
    "authorization.k8s.io": {
        "selfsubjectaccessreviews": "SelfSubjectAccessReview",
        "selfsubjectrulesreviews": "SelfSubjectRulesReview",
    },
    "authentication.k8s.io": {"selfsubjectreviews": "SelfSubjectReview"},
}
"""Resources that are questions: they can only be created, and nothing is stored."""

_STATUS_VERBS = ["get", "patch", "update"]


def core_versions(address: str) -> Json:
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}


def groups(resources: Iterable[Resource]) -> Json:
    """The list of all groups but core."""
    return {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [_group(name) for name in group_names(resources) if name],
    }


def group(name: str) -> Json:
    return {"kind": "APIGroup", "apiVersion": "v1"} | _group(name)


def group_names(resources: Iterable[Resource]) -> list[str]:
    """Every group once, in order: those of the resources, then those of the reviews."""
    return [*dict.fromkeys(resource.group for resource in resources), *REVIEWS]


def resource_list(resources: Iterable[Resource], group: str) -> Json:
    """The resources and subresources of one group and version."""
    entries: list[Json] = []
    for resource in resources:
        if resource.group == group:
            entries.append(_resource(resource))
            entries += [_subresource(resource, each) for each in resource.subresources]
    for plural, kind in REVIEWS.get(group, {}).items():
        singular = kind.lower()
        review = {"name": plural, "singularName": singular, "namespaced": False, "kind": kind}
        entries.append(review | {"verbs": ["create"]})
    head: Json = {"kind": "APIResourceList"}
    if group:
        head["apiVersion"] = "v1"
    return head | {"groupVersion": f"{group}/v1" if group else "v1", "resources": entries}


def aggregated(resources: Iterable[Resource], *, core: bool) -> Json:
    """One document about the core group, or about all others."""
    every = tuple(resources)
    names = [""] if core else [name for name in group_names(every) if name]
    items = [
        {
            "metadata": {"name": name} if name else {},
            "versions": [
                {"version": "v1", "resources": _aggregated_resources(every, name), "freshness": "Current"}
            ],
        }
        for name in names
    ]
    head = {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}}
    return head | {"items": items}


def _group(name: str) -> Json:
    version = {"groupVersion": f"{name}/v1", "version": "v1"}
    return {"name": name, "versions": [version], "preferredVersion": version}


def _resource(resource: Resource) -> Json:
    entry: Json = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    return entry


def _subresource(resource: Resource, name: str) -> Json:
    entry: Json = {
        "name": f"{resource.plural}/{name}",
        "singularName": "",
        "namespaced": resource.namespaced,
    }
    if name == "scale":
        entry |= {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    else:
        entry["kind"] = resource.kind
    return entry | {"verbs": ["update"] if name == "finalize" else _STATUS_VERBS}


def _aggregated_resources(resources: Iterable[Resource], group: str) -> list[Json]:
    entries: list[Json] = []
    for resource in resources:
        if resource.group != group:
            continue
        entry = _aggregated_entry(resource.plural, resource.kind, resource.namespaced)
        entry |= {"singularResource": resource.singular, "verbs": list(resource.verbs)}
        if resource.short_names:
            entry["shortNames"] = list(resource.short_names)
        if resource.categories:
            entry["categories"] = list(resource.categories)
        if resource.subresources:
            entry["subresources"] = [_aggregated_subresource(resource, n) for n in resource.subresources]
        entries.append(entry)
    for plural, kind in REVIEWS.get(group, {}).items():
        entry = _aggregated_entry(plural, kind, namespaced=False)
        entries.append(entry | {"singularResource": kind.lower(), "verbs": ["create"]})
    return entries


def _aggregated_entry(plural: str, kind: str, namespaced: bool) -> Json:
    return {
        "resource": plural,
        "responseKind": {"group": "", "version": "", "kind": kind},
        "scope": "Namespaced" if namespaced else "Cluster",
    }


def _aggregated_subresource(resource: Resource, name: str) -> Json:
    kind = {"group": "", "version": "", "kind": resource.kind}
    if name == "scale":
        kind = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    verbs = ["update"] if name == "finalize" else _STATUS_VERBS
    return {"subresource": name, "responseKind": kind, "verbs": verbs}
