"""Trees and findings as plain text, coloured by role where the reader is a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping

from kinspect.export.findings import FindingEntry, Findings, ObjectName, UnknownEntry
from kinspect.model.snapshot import Snapshot
from kinspect.outline.rows import GLYPH, STATE_ROLE, Line, Role, Row
from kinspect.outline.summary import Summary, alike
from kinspect.outline.visible import visible

SHOWN = 3
"""So many of the objects that have one thing in common are named; the rest is counted."""

Palette = Mapping[Role, str]
"""Role → the parameters of an SGR sequence; {} = no colour at all."""

COLOURS: Palette = {
    "title": "1",
    "kind": "36",
    "address": "34",
    "dim": "2",
    "ready": "32",
    "degraded": "33",
    "broken": "31",
    "unknown": "35",
    "translated": "36",
    "accent": "1;36",
}


def paint(text: str, role: Role, palette: Palette) -> str:
    """The text made visible, in the colour of its role."""
    shown = visible(text)
    code = palette.get(role)
    return f"\x1b[{code}m{shown}\x1b[0m" if code and shown else shown


def tree_lines(
    snapshot: Snapshot, rows: Iterable[Row], palette: Palette, whole: bool = True
) -> Iterator[str]:
    """The rows and what is below them, drawn as a tree.

    Unless `whole`, the pods and nodes below a healthy endpoint are left out: its own row names them.
    """
    for row in rows:
        yield line_text(row.line(snapshot), palette)
        yield from _below(snapshot, row, "", palette, whole)


def _below(snapshot: Snapshot, row: Row, indent: str, palette: Palette, whole: bool) -> Iterator[str]:
    children = row.children(snapshot)
    if not whole and row.kind == "endpoint" and all(each.line(snapshot).state == "ok" for each in children):
        return
    for position, child in enumerate(children):
        last = position == len(children) - 1
        stem = paint(indent + ("└─ " if last else "├─ "), "dim", palette)
        yield stem + line_text(child.line(snapshot), palette)
        yield from _below(snapshot, child, indent + ("   " if last else "│  "), palette, whole)


def line_text(line: Line, palette: Palette) -> str:
    """A row: its glyph, then its texts two blanks apart."""
    words = "  ".join(paint(span.text, span.role, palette) for span in line.spans if span.text)
    if line.state is None:
        return words
    return f"{paint(GLYPH[line.state], STATE_ROLE[line.state], palette)} {words}"


def summary_line(found: Summary, source: str, namespace: str | None = None) -> str:
    """One line: where, how many Services, how many of them in which state. `namespace` None = of all."""
    states = [
        f"{found.states[s]} {s}" for s in ("broken", "degraded", "unknown", "ok") if found.states.get(s)
    ]
    plural = "" if found.services == 1 else "s"
    parts = [f"{found.services} Service{plural}", *states]
    where = ", ".join(filter(None, (source, f"namespace {namespace}" if namespace else "")))
    return visible(f"{where}: {', '.join(parts)}" if where else ", ".join(parts))


def hidden_lines(found: Summary) -> Iterator[str]:
    """What is not known, so that an absence is not taken for a proof."""
    for group, words in alike(found.hidden):
        label = "not up to date" if group[0].stale else "not known"
        yield visible(f"{label}: {', '.join(each.kind for each in group)} ({words})")


def findings_lines(document: Findings, palette: Palette, namespace: str | None = None) -> Iterator[str]:
    """Each finding with its evidence and what to do, then what could not be judged."""
    for each in document.findings:
        yield from _finding(each, palette)
    for (codes, reason), objects in _together(document.unknown).items():
        yield f"{paint('○ unknown', 'unknown', palette)}  {' '.join(codes)}  {_objects(objects)}"
        yield f"    {visible(reason)}"
    counts = [
        f"{n} {s}{'' if n == 1 or s == 'info' else 's'}"
        for s in ("error", "warning", "info")
        if (n := sum(f.severity == s for f in document.findings))
    ]
    unknown_words = [f"{len(document.unknown)} unknown"] if document.unknown else []
    where = f" in namespace {visible(namespace)}" if namespace else ""
    yield f"{document.rules} rules{where}: {', '.join(counts + unknown_words) or 'nothing found'}"


_MARK: Mapping[str, tuple[str, Role]] = {
    "error": ("✗ error", "broken"),
    "warning": ("▲ warning", "degraded"),
    "info": ("· info", "dim"),
}


def _finding(each: FindingEntry, palette: Palette) -> Iterator[str]:
    mark, role = _MARK[each.severity]
    yield f"{paint(mark, role, palette)}  {each.code}  {_object(each.object)}"
    yield f"    {visible(each.message)}"
    evidence = (
        ("field", each.field),
        ("seen", each.seen),
        ("expected", each.expected),
        ("fix", each.fix),
        ("see it", shlex.join(each.reproduce)),
    )
    for label, text in evidence:
        if text:
            yield visible(f"    {label:<8}  {text}")


def _together(unknown: Iterable[UnknownEntry]) -> dict[tuple[tuple[str, ...], str], list[ObjectName]]:
    """The objects about which the same rules could not judge, for the same reason: it is told once."""
    rules: dict[tuple[ObjectName, str], list[str]] = {}
    for each in unknown:
        rules.setdefault((each.object, each.reason), []).append(each.code)
    found: dict[tuple[tuple[str, ...], str], list[ObjectName]] = {}
    for (name, reason), codes in rules.items():
        found.setdefault((tuple(codes), reason), []).append(name)
    return found


def _objects(names: list[ObjectName]) -> str:
    shown = ", ".join(map(_object, names[:SHOWN]))
    return shown + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def _object(name: ObjectName) -> str:
    place = f"{name.namespace}/" if name.namespace else ""
    return visible(f"{name.kind} {place}{name.name}")
