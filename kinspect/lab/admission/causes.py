"""What can be wrong with a field, told as apimachinery tells it (util/validation/field/errors.go)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from kinspect.lab.status import Cause

_PORT_NAME = re.compile(r"[-a-z0-9]+")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
    "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
    "must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def required(field: str, detail: str = "") -> Cause:
    return Cause("FieldValueRequired", _with_detail("Required value", detail), field)


def invalid(field: str, value: object, detail: str) -> Cause:
    return Cause("FieldValueInvalid", _with_detail(f"Invalid value: {_shown(value)}", detail), field)


def not_supported(field: str, value: object, supported: Iterable[str]) -> Cause:
    listed = ", ".join(_shown(each) for each in sorted(supported))
    told = f"Unsupported value: {_shown(value)}: supported values: {listed}"
    return Cause("FieldValueNotSupported", told, field)


def forbidden(field: str, detail: str) -> Cause:
    return Cause("FieldValueForbidden", _with_detail("Forbidden", detail), field)


def duplicate(field: str, value: object) -> Cause:
    return Cause("FieldValueDuplicate", f"Duplicate value: {_shown(value)}", field)


def label(field: str, value: str) -> list[Cause]:
    """What is wrong with a DNS label (RFC 1123), such as a port name of a Service."""
    problems = [] if len(value) <= 63 else ["must be no more than 63 characters"]
    if not _LABEL.fullmatch(value):
        problems.append(LABEL_RULE)
    return [invalid(field, value, problem) for problem in problems]


def subdomain(field: str, value: str) -> list[Cause]:
    """What is wrong with a DNS name (RFC 1123), such as a host of an Ingress."""
    problems = [] if len(value) <= 253 else ["must be no more than 253 characters"]
    if not _SUBDOMAIN.fullmatch(value):
        problems.append(SUBDOMAIN_RULE)
    return [invalid(field, value, problem) for problem in problems]


def port_number(field: str, value: object) -> list[Cause]:
    if isinstance(value, int) and 1 <= value <= 65_535:
        return []
    return [invalid(field, value, "must be between 1 and 65535, inclusive")]


def port_name(field: str, value: str) -> list[Cause]:
    """What is wrong with a name that a container may give to a port (RFC 6335 service names)."""
    problems = [] if len(value) <= 15 else ["must be no more than 15 characters"]
    if not _PORT_NAME.fullmatch(value):
        problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", value):
        problems.append("must contain at least one letter (a-z)")
    if "--" in value:
        problems.append("must not contain consecutive hyphens")
    if value.startswith("-") or value.endswith("-"):
        problems.append("must not begin or end with a hyphen")
    return [invalid(field, value, problem) for problem in problems]


def port(field: str, value: object) -> list[Cause]:
    """What is wrong with a port that may be a number or a name."""
    return port_name(field, value) if isinstance(value, str) else port_number(field, value)


def _with_detail(text: str, detail: str) -> str:
    return f"{text}: {detail}" if detail else text


def _shown(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
