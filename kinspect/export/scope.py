"""Which Services a headless command speaks of: a namespace, a label selector, one object."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from kinspect.errors import UsageError
from kinspect.model.index import EMPTY
from kinspect.model.kinds import NAMES
from kinspect.model.meta import Key, Labels, Ref
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.membership import services_of_pod
from kinspect.resolve.routes import destinations


class Scope(NamedTuple):
    """`namespace` None = all; `selector` "" = every label; `target` None = every object."""

    namespace: str | None = None
    selector: str = ""
    target: Ref | None = None


def services_in(snapshot: Snapshot, scope: Scope) -> list[Key]:
    """The Services in scope, by namespace and name. Raises UsageError for a malformed selector."""
    keys = set(snapshot.services) if scope.target is None else _of_target(snapshot, scope.target)
    wanted = selector(scope.selector)
    return sorted(
        key
        for key in keys
        if (scope.target is not None or scope.namespace in (None, key.namespace))
        and (service := snapshot.services.get(key)) is not None
        and wanted(service.metadata.labels)
    )


def named(text: str) -> tuple[str, str]:
    """The kind and the name in `kind/name`. Raises UsageError when the kind is not one that can be walked."""
    short, _, name = text.partition("/")
    kind = NAMES.get(short.lower())
    if not name or kind is None:
        raise UsageError(
            f"{text!r} names no object",
            "Write it as svc/NAME, pod/NAME, node/NAME or ing/NAME; -n chooses a namespace.",
        )
    return kind, name


def find(snapshot: Snapshot, text: str, namespace: str | None) -> Ref:
    """The object that `kind/name` means. Without a namespace the name must be unambiguous.

    Raises UsageError as `named` does, and when no or several objects have the name.
    """
    kind, name = named(text)
    matches = [
        Ref(kind, *key)
        for key in snapshot.of(kind)
        if key.name == name and (namespace in (None, key.namespace) or not key.namespace)
    ]
    if len(matches) > 1:
        where = ", ".join(sorted(each.namespace for each in matches))
        raise UsageError(f"{text} is in several namespaces: {where}", "Choose one with -n.")
    if matches:
        return matches[0]
    place = f" in namespace {namespace}" if namespace else ""
    if not snapshot.covers(kind, namespace):
        reason = snapshot.coverage_of(kind).reason or snapshot.coverage_of(kind).state
        raise UsageError(f"{text} was not found{place}, and {kind}s are not all known ({reason})")
    near = sorted(
        f"{key.namespace}/{key.name}" for key in snapshot.of(kind) if name in key.name or key.name in name
    )
    raise UsageError(f"there is no {text}{place}", f"Near it: {', '.join(near[:5])}" if near else "")


def holds(snapshot: Snapshot, namespace: str) -> bool | None:
    """Whether there is such a namespace, or in files anything that lies in it; None = not known."""
    if Key("", namespace) in snapshot.namespaces or namespace in inhabited(snapshot):
        return True
    return False if snapshot.covers("Namespace") or not snapshot.live else None


def inhabited(snapshot: Snapshot) -> set[str]:
    """The namespaces in which any object lies."""
    return {key.namespace for kind in snapshot.objects for key in snapshot.of(kind)} - {""}


def _of_target(snapshot: Snapshot, target: Ref) -> set[Key]:
    if target.kind == "Service":
        return {target.key}
    if target.kind == "Pod":
        pod = snapshot.pods.get(target.key)
        return set(services_of_pod(snapshot, pod)) if pod else set()
    if target.kind == "Node":
        members = snapshot.index.slices_by_node.get(target.name, EMPTY)
        slices = (snapshot.slices[key] for key in members if key in snapshot.slices)
        return {each.service for each in slices if each.service}
    if target.kind == "Namespace":
        return set(snapshot.index.services_by_namespace.get(target.name, EMPTY))
    return {service for _, service in destinations(snapshot, target) if service}


_SET = r"^\s*(?P<key>[\w./-]+)\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)\s*$"
_EQUAL = r"^\s*(?P<key>[\w./-]+)\s*(?P<op>==?|!=)\s*(?P<value>[\w.-]*)\s*$"
_EXISTS = r"^\s*(?P<not>!?)\s*(?P<key>[\w./-]+)\s*$"

Test = Callable[[Labels], bool]


def selector(text: str) -> Test:
    """A test of labels, from kubectl's `-l` syntax. Raises UsageError for what kubectl would refuse."""
    if not text.strip():
        return lambda labels: True
    tests = [_requirement(part) for part in re.split(r",(?![^(]*\))", text)]
    return lambda labels: all(test(labels) for test in tests)


def _requirement(text: str) -> Test:
    if found := re.match(_SET, text):
        key, wanted = found["key"], {value.strip() for value in found["values"].split(",")}
        if found["op"] == "in":
            return lambda labels: labels.get(key) in wanted
        return lambda labels: labels.get(key) not in wanted
    if found := re.match(_EQUAL, text):
        key, value = found["key"], found["value"]
        if found["op"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if found := re.match(_EXISTS, text):
        key, absent = found["key"], bool(found["not"])
        return lambda labels: (key in labels) is not absent
    raise UsageError(
        f"{text.strip()!r} is not a label selector", "Write it as kubectl does: app=web,tier!=cache"
    )
