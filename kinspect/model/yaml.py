"""The one door of YAML: text in, plain values out, and back. Never trusts the text.

What Kubernetes means by YAML is what sigs.k8s.io/yaml makes of it: YAML 1.1 booleans and octals, but no
timestamps, no base-60 numbers and no `=` values, and every key of a mapping is a string. A key that is set
twice in one mapping is refused, as by strict decoding. Limits: size, nesting, and the number of nodes once
all aliases are written out ("billion laughs").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from kinspect.errors import Unreadable

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 100
MAX_NODES = 5_000_000

_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
_LIBYAML_TOO_DEEP = "exceeded maximum nesting depth"
"""What newer ones say, and before the first event: they look far ahead for the end of a key."""

_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

_NOT_IN_KUBERNETES = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value", "tag:yaml.org,2002:int")


class _Loader(_BASE):  # type: ignore[misc]
    """PyYAML's safe loader with the scalars of Kubernetes."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _NOT_IN_KUBERNETES]
    for first, resolvers in _BASE.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"^[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$"),
    list("-+0123456789"),
)


def documents(data: bytes, name: str, *, last_wins: bool = False) -> Iterator[Any]:
    """The documents of a YAML text as dictionaries, lists and scalars; empty documents are None.

    `name` is the file's, for messages. `last_wins`: of a key that is set twice, the last value counts.

    Raises: Unreadable, with the line, for broken or oversized text.
    """
    if len(data) > MAX_BYTES:
        raise Unreadable(
            f"{name}: {len(data) // 1_000_000} MB of YAML is more than is read ({MAX_BYTES // 1_000_000} MB)",
            "Write it as JSON: kubectl get … -o json",
        )
    try:
        _look_through(data, name, last_wins)
        yield from yaml.load_all(data, Loader=_Loader)
    except yaml.YAMLError as error:
        problem = _problem_of(error)
        if problem == _LIBYAML_TOO_DEEP:
            raise Unreadable(f"{name}{_line_of(error)}: not read: {_TOO_DEEP}") from error
        raise Unreadable(f"{name}{_line_of(error)}: not YAML: {problem}") from error
    except (ValueError, KeyError, AttributeError) as error:
        # What PyYAML's constructors let through for explicit tags that lie: `!!bool maybe`, `!!int abc`.
        raise Unreadable(f"{name}: not YAML: a value is not what its tag says ({error})") from error
    except RecursionError as error:
        raise Unreadable(f"{name}: nested too deep") from error


def dump(value: Any, allow_unicode: bool = True) -> str:
    """The value as block-style YAML, keys in the order given."""
    text: str = yaml.dump(
        value,
        Dumper=_DUMPER,
        sort_keys=False,
        default_flow_style=False,
        allow_unicode=allow_unicode,
        width=1_000_000,
    )
    return text


def _look_through(data: bytes, name: str, last_wins: bool) -> None:
    """Walks the events once, before anything is built. Raises: Unreadable."""
    sizes, keys = _Sizes(name), _Keys(name)
    for event in yaml.parse(data, Loader=_Loader):
        sizes.take(event)
        if not last_wins:
            keys.take(event)


class _Sizes:
    """Watches the limits."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._sizes: dict[str, int] = {}  # anchor → nodes below it, aliases written out
        self._open: list[tuple[str | None, int]] = []  # (anchor, nodes before it)
        self._total = 0

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self._sizes, self._total = {}, 0
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._sizes:
                loose = f"the alias *{event.anchor} stands inside its own anchor or has none"
                raise _refused(self._name, event, loose)
            self._total += self._sizes[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            self._total += 1
            if event.anchor:
                self._sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open.append((event.anchor, self._total))
            self._total += 1
            if len(self._open) > MAX_DEPTH:
                raise _refused(self._name, event, _TOO_DEEP)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = self._open.pop()
            if anchor:
                self._sizes[anchor] = self._total - before
        if self._total > MAX_NODES:
            many = f"more than {MAX_NODES} values once its aliases are written out"
            raise _refused(self._name, event, many)


class _Keys:
    """Finds a key that is set twice in one mapping."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._open: list[dict[str, Any] | None] = []  # key → its place, of each open mapping; None = a list
        self._at_key: list[bool] = []

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
            self._at_key.pop()
        elif isinstance(event, yaml.NodeEvent):
            if self._open:
                self._place(event, self._open[-1])
            if isinstance(event, yaml.CollectionStartEvent):
                self._open.append({} if isinstance(event, yaml.MappingStartEvent) else None)
                self._at_key.append(False)

    def _place(self, event: Any, keys: dict[str, Any] | None) -> None:
        self._at_key[-1] = not self._at_key[-1]
        if keys is None or not self._at_key[-1] or not isinstance(event, yaml.ScalarEvent):
            return
        earlier: Any = keys.setdefault(event.value, event.start_mark)
        if earlier is not event.start_mark and event.value != "<<":
            again = f"the key {event.value[:60]!r} is already set in line {earlier.line + 1}"
            raise _refused(self._name, event, again)


def _refused(name: str, event: Any, what: str) -> Unreadable:
    return Unreadable(f"{name}, line {event.start_mark.line + 1}: not read: {what}")


def _line_of(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}" if mark is not None else ""


def _problem_of(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).splitlines()[0]
    return str(problem)
