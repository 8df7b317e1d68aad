"""Refusals, in the words of an API server: an exception that carries a Status object.

The messages, reasons, codes and details are those of a Kubernetes 1.36 API server
(apimachinery/pkg/api/errors/errors.go), byte for byte where a client could see them.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, NamedTuple

from kinspect.lab.resources import Resource

Json = dict[str, Any]
"""An API object, or a part of one, as it is on the wire."""


class Rejection(Exception):
    """The API server says no. `status` is the whole Status object."""

    def __init__(self, status: Json) -> None:
        super().__init__(status["message"])
        self.status = status

    @property
    def code(self) -> int:
        code: int = self.status["code"]
        return code

    @property
    def reason(self) -> str:
        reason: str = self.status["reason"]
        return reason


class Cause(NamedTuple):
    """One thing wrong with a field, e.g. FieldValueRequired, "Required value", spec.ports."""

    reason: str
    message: str
    field: str


def failure(
    code: int, reason: str, message: str, details: Json | None = None, meta: Json | None = None
) -> Json:
    status: Json = {"kind": "Status", "apiVersion": "v1", "metadata": meta or {}, "status": "Failure"}
    status |= {"message": message, "reason": reason}
    if details is not None:
        status["details"] = details
    return status | {"code": code}


def _details(resource: Resource, name: str = "") -> Json:
    details: Json = {"name": name, "group": resource.group, "kind": resource.plural}
    return {key: value for key, value in details.items() if value}


def bad_request(message: str) -> Rejection:
    return Rejection(failure(HTTPStatus.BAD_REQUEST, "BadRequest", message))


def unprocessable(message: str) -> Rejection:
    return Rejection(failure(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid", message, {}))


def unauthorized() -> Rejection:
    return Rejection(failure(HTTPStatus.UNAUTHORIZED, "Unauthorized", "Unauthorized"))


def forbidden(resource: Resource, name: str, message: str) -> Rejection:
    subject = f'{resource.qualified} "{name}"' if name else resource.qualified
    text = f"{subject} is forbidden: {message}"
    return Rejection(failure(HTTPStatus.FORBIDDEN, "Forbidden", text, _details(resource, name)))


def forbidden_path(user: str, verb: str, path: str) -> Rejection:
    message = f'forbidden: User "{user}" cannot {verb} path "{path}"'
    return Rejection(failure(HTTPStatus.FORBIDDEN, "Forbidden", message, {}))


def not_found(resource: Resource, name: str) -> Rejection:
    message = f'{resource.qualified} "{name}" not found'
    return Rejection(failure(HTTPStatus.NOT_FOUND, "NotFound", message, _details(resource, name)))


def no_such_resource() -> Rejection:
    message = "the server could not find the requested resource"
    return Rejection(failure(HTTPStatus.NOT_FOUND, "NotFound", message, {}))


def method_not_allowed() -> Rejection:
    message = "the server does not allow this method on the requested resource"
    return Rejection(failure(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", message, {}))


def not_implemented(message: str) -> Rejection:
    return Rejection(failure(HTTPStatus.NOT_IMPLEMENTED, "NotImplemented", message, {}))


def not_acceptable(accepted: str) -> Rejection:
    message = f"406: Not Acceptable\n\nAvailable representations: {accepted}"
    return Rejection(failure(HTTPStatus.NOT_ACCEPTABLE, "NotAcceptable", message, {}))


def unsupported_media_type(accepted: str) -> Rejection:
    message = "the body of the request was in an unknown format - accepted media types include: " + accepted
    return Rejection(failure(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message, {}))


def already_exists(resource: Resource, name: str) -> Rejection:
    message = f'{resource.qualified} "{name}" already exists'
    return Rejection(failure(HTTPStatus.CONFLICT, "AlreadyExists", message, _details(resource, name)))


def conflict(resource: Resource, name: str, message: str = "") -> Rejection:
    text = message or (
        "the object has been modified; please apply your changes to the latest version and try again"
    )
    text = f'Operation cannot be fulfilled on {resource.qualified} "{name}": {text}'
    return Rejection(failure(HTTPStatus.CONFLICT, "Conflict", text, _details(resource, name)))


def invalid(group: str, kind: str, name: str, causes: list[Cause]) -> Rejection:
    """An object whose fields are wrong; every cause is told, in brackets when there are several."""
    told = [f"{cause.field}: {cause.message}" for cause in causes]
    text = told[0] if len(told) == 1 else f"[{', '.join(told)}]"
    qualified = f"{kind}.{group}" if group else kind
    details: Json = {key: value for key, value in {"name": name, "group": group}.items() if value}
    details |= {"kind": kind, "causes": [cause._asdict() for cause in causes]}
    message = f'{qualified} "{name}" is invalid: {text}'
    return Rejection(failure(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid", message, details))


def internal(message: str) -> Rejection:
    text = f"Internal error occurred: {message}"
    details: Json = {"causes": [{"message": message}]}
    return Rejection(failure(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError", text, details))


def expired(message: str, token: str = "") -> Rejection:
    """410. On a list it is the response, on a watch an event; `token` lets a list go on, inconsistently."""
    return Rejection(failure(HTTPStatus.GONE, "Expired", message, meta={"continue": token} if token else {}))


def version_too_large(asked: int, current: int) -> Rejection:
    details: Json = {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    return Rejection(failure(HTTPStatus.GATEWAY_TIMEOUT, "Timeout", message, details))
