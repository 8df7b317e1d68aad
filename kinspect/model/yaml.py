"""The one door of YAML: text in, plain values out, and back. Never trusts the text.

What Kubernetes means by YAML is what sigs.k8s.io/yaml makes of it: YAML 1.1 booleans and octals, but no
timestamps, no base-60 numbers and no `=` values, and every key of a mapping is a string. Limits: size,
nesting, and the number of nodes once all aliases are written out ("billion laughs").
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


def documents(data: bytes, name: str) -> Iterator[Any]:
    """The documents of a YAML text as dictionaries, lists and scalars; empty documents are None.

    `name` is the file's, for messages. Raises: Unreadable, with the line, for broken or oversized text.
    """
    if len(data) > MAX_BYTES:
        raise Unreadable(
            f"{name}: {len(data) // 1_000_000} MB of YAML is more than is read ({MAX_BYTES // 1_000_000} MB)",
            "Write it as JSON: kubectl get … -o json",
        )
    try:
        _within_limits(data, name)
        yield from yaml.load_all(data, Loader=_Loader)
    except yaml.YAMLError as error:
        raise Unreadable(f"{name}{_line_of(error)}: not YAML: {_problem_of(error)}") from error
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


def _within_limits(data: bytes, name: str) -> None:
    """Walks the events once, before anything is built. Raises: Unreadable."""
    sizes: dict[str, int] = {}  # anchor → nodes below it, aliases written out
    open_nodes: list[tuple[str | None, int]] = []  # (anchor, nodes before it)
    total = 0
    for event in yaml.parse(data, Loader=_Loader):
        if isinstance(event, yaml.DocumentStartEvent):
            sizes, total = {}, 0
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise _limit(
                    name, event, f"the alias *{event.anchor} stands inside its own anchor or has none"
                )
            total += sizes[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
            if event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, total))
            total += 1
            if len(open_nodes) > MAX_DEPTH:
                raise _limit(name, event, f"nested deeper than {MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor:
                sizes[anchor] = total - before
        if total > MAX_NODES:
            raise _limit(name, event, f"more than {MAX_NODES} values once its aliases are written out")


def _limit(name: str, event: Any, what: str) -> Unreadable:
    return Unreadable(f"{name}, line {event.start_mark.line + 1}: not read: {what}")


def _line_of(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}" if mark is not None else ""


def _problem_of(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).splitlines()[0]
    return str(problem)
