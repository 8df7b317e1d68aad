"""The three ways to patch an object. Pure: a document and a patch give a new document.

1. JSON merge patch (RFC 7386): what is named replaces, null removes, lists are replaced whole.
2. JSON patch (RFC 6902): a list of operations on paths.
3. Strategic merge patch: as the first, but lists whose items have a key are merged item by item; `$patch`,
   `$deleteFromPrimitiveList`, `$setElementOrder` and `$retainKeys` are orders to the merge. Which lists have
   which key is written in the API's Go types; `_KEYS` has those of the kinds that the lab serves.

Source: the RFCs; apimachinery's util/strategicpatch/patch.go.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from kinspect.lab import status
from kinspect.lab.status import Json

_KEYS: Mapping[str, str] = {
    # the field that holds the list → the key of its items; by field name, since no two kinds here disagree
    "conditions": "type",
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "ownerReferences": "uid",
    "addresses": "type",
    "taints": "key",
    "podIPs": "ip",
    "hostIPs": "ip",
    "topologySpreadConstraints": "topologyKey",
}
_PRIMITIVE_SETS = ("finalizers",)


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def strategic(target: Json, patch: Json) -> Json:
    """The document after a strategic merge patch."""
    if patch.get("$patch") == "delete":
        return {}
    if patch.get("$patch") == "replace":
        return {key: copy.deepcopy(value) for key, value in patch.items() if key != "$patch"}
    result = dict(target)
    for field, values in _orders(patch, "$deleteFromPrimitiveList"):
        result[field] = [each for each in result.get(field) or () if each not in values]
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        known = result.get(key)
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = strategic(known if isinstance(known, dict) else {}, value)
        elif isinstance(value, list):
            result[key] = _merged_list(key, result, value)
        else:
            result[key] = value
    if "$retainKeys" in patch:
        result = {key: value for key, value in result.items() if key in patch["$retainKeys"]}
    for field, order in _orders(patch, "$setElementOrder"):
        if isinstance(result.get(field), list):
            name = _key_of(field, result)
            result[field] = _in_order(result[field], order, target.get(field) or [], name)
    return result


def _orders(patch: Json, name: str) -> list[tuple[str, Any]]:
    """The fields about which a patch gives this order, and what it says."""
    prefix = f"{name}/"
    return [(key.removeprefix(prefix), value) for key, value in patch.items() if key.startswith(prefix)]


def _key_of(field: str, around: Json) -> str | None:
    """The merge key of a list; None = it is replaced whole. `ports` differ: Service, container, slice."""
    if field == "ports":
        if "addressType" in around:
            return None
        return "containerPort" if "image" in around or "name" in around else "port"
    return _KEYS.get(field)


def _merged_list(field: str, around: Json, patch: list[Any]) -> list[Any]:
    present = around.get(field) or []
    if field in _PRIMITIVE_SETS:
        return [*present, *(each for each in patch if each not in present)]
    key = _key_of(field, around)
    if key is None or not all(isinstance(each, dict) for each in patch):
        return copy.deepcopy(patch)
    if any(each.get("$patch") == "replace" and len(each) == 1 for each in patch):
        return copy.deepcopy([each for each in patch if "$patch" not in each])
    result = list(present)
    for item in patch:
        if key not in item:
            raise status.bad_request(f"map: {item} does not contain declared merge key: {key}")
        found = next((index for index, each in enumerate(result) if each.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            result = [each for each in result if each.get(key) != item[key]]
        elif found is None:
            result.append(strategic({}, item))
        else:
            result[found] = strategic(result[found], item)
    return _in_order(result, patch, present, key)


def _in_order(items: list[Any], patch: list[Any], present: list[Any], key: str | None) -> list[Any]:
    """The items of the patch in its order, merged with the others in theirs (normalizeElementOrder).

    Where both were present, the old order decides which goes first; a new item goes before those behind it.
    """

    def identity(item: Any) -> Any:
        return item.get(key) if key and isinstance(item, dict) else item

    wanted = [identity(each) for each in patch]
    before = [identity(each) for each in present]
    ours = [item for item in items if identity(item) in wanted]
    ours.sort(key=lambda item: wanted.index(identity(item)))
    others = [item for item in items if identity(item) not in wanted]
    merged: list[Any] = []
    while ours and others:
        left, right = identity(ours[0]), identity(others[0])
        later = left in before and right in before and before.index(left) > before.index(right)
        merged.append((others if later else ours).pop(0))
    return merged + ours + others


def apply_operations(document: Json, operations: list[Json]) -> Json:
    """RFC 6902. Raises Invalid for an operation that cannot be done, also for a `test` that fails."""
    result: Any = copy.deepcopy(document)
    for operation in operations:
        try:
            result = _operate(result, operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            told = f"the server rejected our request due to an error in our request: {error}"
            raise status.unprocessable(told) from None
    if not isinstance(result, dict):
        raise status.unprocessable("the server rejected our request due to an error in our request")
    return result


def _operate(document: Any, operation: Json) -> Any:
    name, path = operation["op"], _pointer(operation["path"])
    match name:
        case "add" | "replace":
            if name == "replace":
                _at(document, path)
            return _put(document, path, copy.deepcopy(operation["value"]), replace=name == "replace")
        case "remove":
            return _removed(document, path)
        case "move":
            origin = _pointer(operation["from"])
            value = _at(document, origin)
            return _put(_removed(document, origin), path, value, replace=False)
        case "copy":
            value = copy.deepcopy(_at(document, _pointer(operation["from"])))
            return _put(document, path, value, replace=False)
        case "test":
            if _at(document, path) != operation.get("value"):
                raise ValueError(f"testing value {operation['path']} failed")
            return document
    raise ValueError(f"unexpected kind: {name}")


def _pointer(path: str) -> list[str]:
    if not path:
        return []
    if not path.startswith("/"):
        raise ValueError(f"{path}: a path starts with /")
    return [part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")]


def _at(document: Any, path: list[str]) -> Any:
    for part in path:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def _put(document: Any, path: list[str], value: Any, *, replace: bool) -> Any:
    if not path:
        return value
    parent, last = _at(document, path[:-1]), path[-1]
    if not isinstance(parent, list):
        parent[last] = value
    elif last == "-":
        parent.append(value)
    elif replace:
        parent[int(last)] = value
    else:
        if int(last) > len(parent):
            raise IndexError(last)
        parent.insert(int(last), value)
    return document


def _removed(document: Any, path: list[str]) -> Any:
    parent, last = _at(document, path[:-1]), path[-1]
    del parent[int(last) if isinstance(parent, list) else last]
    return document
