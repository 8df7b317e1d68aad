"""Lists: selectors, pages that agree with each other, resource versions. Pure; the Store is only read.

The rules are the table of `resourceVersionMatch` in the API concepts page:

1. Without a resourceVersion the list is the newest state; with "0" it may be any, and `limit` is ignored.
2. A resourceVersion with `limit`, or with Exact, means that very state, or 410 when it is forgotten.
3. Otherwise it means: not older; a version that is not there yet is a 504.
4. A `continue` token carries the version of its first page. Forgotten, the answer is 410 with a fresh token
   that goes on from the same place in the newest state (an inconsistent list, which the client may choose).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import NamedTuple

from kinspect.lab import selectors, status
from kinspect.lab.resources import Resource
from kinspect.lab.status import Cause, Json
from kinspect.lab.store import Store, name_of

_NEWEST = -1
_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new "
    "list without the continue parameter, or use the continue token in this response to retrieve the "
    "remainder of the results. Continuing with the provided token results in an inconsistent list - objects "
    "that were created, modified, or deleted between the time the first chunk was returned and now may show "
    "up in the list."
)


class Options(NamedTuple):
    """The query of a list or a watch. `version` None = not given; `limit` 0 = no pages."""

    version: int | None
    match: str
    limit: int
    token: str
    labels: str
    fields: str

    @property
    def selects(self) -> bool:
        return bool(self.labels or self.fields)


class Page(NamedTuple):
    """A page of a list. `token` "" = the last one; `remaining` None = not told (with selectors)."""

    items: list[Json]
    version: int
    token: str
    remaining: int | None


class _Token(NamedTuple):
    version: int
    start: str


def options(query: Mapping[str, str]) -> Options:
    """Reads the query. Raises BadRequest for a limit or version that is not a number."""
    limit = max(0, number(query.get("limit", "")))
    version = query.get("resourceVersion", "")
    if version and not version.isdigit():
        raise status.invalid(
            "meta.k8s.io",
            "ListOptions",
            "",
            [Cause("FieldValueInvalid", f'Invalid value: "{version}": must be a number', "resourceVersion")],
        )
    return Options(
        int(version) if version else None,
        query.get("resourceVersionMatch", ""),
        limit,
        query.get("continue", ""),
        query.get("labelSelector", ""),
        query.get("fieldSelector", ""),
    )


def selection(resource: Resource, asked: Options) -> selectors.Test:
    """The test that a listed or watched object must pass."""
    by_label, by_field = selectors.label_test(asked.labels), selectors.field_test(resource.kind, asked.fields)
    return lambda item: by_label(item) and by_field(item)


def page(store: Store, resource: Resource, namespace: str | None, asked: Options) -> Page:
    """The page that was asked for. Raises Invalid, BadRequest, Expired or Timeout."""
    _require_valid_match(asked)
    chosen = selection(resource, asked)
    token = _decode(asked.token) if asked.token else None
    if token is not None and asked.version:
        raise status.bad_request("specifying resource version is not allowed when using continue")
    version, items = _state(store, resource.kind, namespace, asked, token)
    if token is not None:
        items = [item for item in items if "/".join(name_of(item)) >= token.start]
    items = [item for item in items if chosen(item)]
    limit = 0 if asked.version == 0 else asked.limit
    if not limit or len(items) <= limit:
        return Page(items, version, "", None)
    # Like etcd's range that starts right behind a key: that key and a zero byte.
    following = "/".join(name_of(items[limit - 1])) + "\0"
    return Page(
        items[:limit],
        version,
        _encode(version, following),
        None if asked.selects else len(items) - limit,
    )


def _state(
    store: Store, kind: str, namespace: str | None, asked: Options, token: _Token | None
) -> tuple[int, list[Json]]:
    if token is not None and token.version != _NEWEST:
        try:
            return token.version, store.list_at(kind, namespace, token.version)
        except status.Rejection:
            raise status.expired(_TOO_OLD, _encode(_NEWEST, token.start)) from None
    wanted = asked.version
    if wanted is not None and wanted > store.version:
        raise status.version_too_large(wanted, store.version)
    exact = asked.match == "Exact" or (asked.limit > 0 and not asked.match)
    if wanted and exact and token is None:
        return wanted, store.list_at(kind, namespace, wanted)
    return store.version, store.list(kind, namespace)


def _require_valid_match(asked: Options) -> None:
    if not asked.match:
        return
    problems = []
    if asked.version is None:
        problems.append("Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided")
    elif asked.token:
        problems.append("Forbidden: resourceVersionMatch is forbidden when continue is provided")
    elif asked.match == "Exact" and asked.version == 0:
        problems.append('Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
    if problems:
        raise invalid_options(*(("resourceVersionMatch", problem) for problem in problems))


def invalid_options(*problems: tuple[str, str]) -> status.Rejection:
    """422 for a query that contradicts itself: pairs of a parameter and what is forbidden about it."""
    causes = [Cause("FieldValueForbidden", message, field) for field, message in problems]
    return status.invalid("meta.k8s.io", "ListOptions", "", causes)


def number(text: str) -> int:
    """The number in a query parameter; 0 when it is empty. Raises BadRequest."""
    if not text:
        return 0
    try:
        return int(text)
    except ValueError:
        raise status.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _encode(version: int, start: str) -> str:
    document = json.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(document.encode()).decode().rstrip("=")


def _decode(token: str) -> _Token:
    try:
        document = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        return _Token(int(document["rv"]), str(document["start"]))
    except (binascii.Error, ValueError, KeyError, TypeError):
        raise status.bad_request("continue key is not valid: invalid token") from None
