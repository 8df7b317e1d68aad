"""Questions of a user about itself: may I do this, what may I do, who am I. Nothing is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kinspect.lab import status
from kinspect.lab.api.requests import RequestInfo
from kinspect.lab.resources import Resource
from kinspect.lab.status import Json

Allows = Callable[[RequestInfo], bool]
"""Whether the user may do what a request asks for."""

_OPEN = ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz"]


def answer(
    plural: str, given: Json, user: str, now: str, allows: Allows, resources: Iterable[Resource]
) -> Json:
    """The review with its status. Raises NotFound when there is no such review, BadRequest for a bad one."""
    kept = {"metadata": given.get("metadata") or {}, "spec": given.get("spec") or {}}
    if not isinstance(kept["spec"], dict):
        raise status.bad_request("the spec of a review is an object")
    match plural:
        case "selfsubjectaccessreviews":
            head = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1"}
            return head | kept | {"status": _access(kept["spec"], allows)}
        case "selfsubjectrulesreviews":
            head = {"kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1"}
            told = _rules(kept["spec"].get("namespace") or "", allows, resources)
            return head | kept | {"status": told}
        case "selfsubjectreviews":
            info = {"username": user, "groups": ["system:masters", "system:authenticated"]}
            head = {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"}
            return head | {"metadata": {"creationTimestamp": now}, "status": {"userInfo": info}}
    raise status.no_such_resource()


def _access(spec: Json, allows: Allows) -> Json:
    asked = spec.get("resourceAttributes")
    if not isinstance(asked, dict):
        return {"allowed": True}
    info = RequestInfo(
        asked.get("verb", ""),
        asked.get("group", ""),
        asked.get("version", "*"),
        asked.get("namespace", ""),
        asked.get("resource", ""),
        asked.get("name", ""),
        asked.get("subresource", ""),
    )
    return {"allowed": allows(info)}


def _rules(namespace: str, allows: Allows, resources: Iterable[Resource]) -> Json:
    rules = []
    for each in resources:
        verbs = [verb for verb in each.verbs if allows(_info(verb, each, namespace))]
        if verbs:
            rules.append({"verbs": verbs, "apiGroups": [each.group], "resources": [each.plural]})
    paths = [{"verbs": ["get"], "nonResourceURLs": [*_OPEN, "/version", "/version/"]}]
    return {"resourceRules": rules, "nonResourceRules": paths, "incomplete": False}


def _info(verb: str, resource: Resource, namespace: str) -> RequestInfo:
    scope = namespace if resource.namespaced else ""
    return RequestInfo(verb, resource.group, resource.version, scope, resource.plural, "", "")
