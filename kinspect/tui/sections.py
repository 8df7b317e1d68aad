"""What the detail pane says, as spans: details, the object as YAML, its events, its findings. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

from kinspect.model.finding import Finding
from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot
from kinspect.outline.rows import Span, unjudged
from kinspect.outline.sections import Section, labelled

Tab = Literal["details", "yaml", "events", "findings"]
TABS: tuple[Tab, ...] = ("details", "yaml", "events", "findings")

_YAML_KEY = re.compile(r"(\s*(?:- )*)((?:\"[^\"]*\"|'[^']*'|[^\s:#\"'-][^:#]*):)(?=\s|$)(.*)")
YAML_LINES = 5_000


class Happened(Protocol):
    """One event of an object."""

    @property
    def type(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def last_seen(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def source(self) -> str: ...


class InFull(Protocol):
    """An object as its source gave it, with its events; `partial` = not in full, `note` tells why."""

    @property
    def yaml(self) -> str: ...
    @property
    def events(self) -> Sequence[Happened]: ...
    @property
    def partial(self) -> bool: ...
    @property
    def note(self) -> str: ...


def findings(snapshot: Snapshot, ref: Ref) -> Iterator[Section]:
    """Every finding with its evidence, what to do, and the command that shows it; then what is not known."""
    judgment = snapshot.judgments.get(ref)
    if judgment is None:
        yield Section("Not judged", ((Span("No rule has looked at this object, or not yet.", "unknown"),),))
        return
    for each in judgment.findings:
        yield Section(f"{each.code}  {each.severity}", tuple(_finding(each)))
    if judgment.unknowns:
        for reason, codes in unjudged(judgment).items():
            yield Section(
                "Not known", (labelled("why", reason, "unknown"), labelled("rules", " ".join(codes)))
            )
    if not judgment.findings and not judgment.unknowns:
        yield Section("Holds", ((Span("Every rule that looks at this object holds.", "ready"),),))


def _finding(each: Finding) -> Iterator[tuple[Span, ...]]:
    yield (Span(each.message, "broken" if each.severity == "error" else "degraded"),)
    for label, text in (
        ("port", each.port),
        ("field", each.field),
        ("seen", each.seen),
        ("expected", each.expected),
        ("fix", each.fix),
    ):
        if text:
            yield labelled(label, text)
    if each.reproduce:
        yield labelled("see it", shlex.join(each.reproduce), "accent")
    yield labelled("manual", f"kinspect explain {each.code}", "dim")


def yaml(full: InFull | None) -> Iterator[Section]:
    if full is None:
        yield Section("", ((Span("Reading…", "accent"),),))
        return
    yield from _note(full)
    lines = full.yaml.split("\n")
    shown = tuple(_yaml_line(line) for line in lines[:YAML_LINES])
    yield Section("", shown)
    if len(lines) > YAML_LINES:
        yield Section("", ((Span(f"… and {len(lines) - YAML_LINES:,} lines more", "dim"),),))


def _yaml_line(line: str) -> tuple[Span, ...]:
    match = _YAML_KEY.fullmatch(line)
    if match is None:
        return (Span(line),)
    return Span(match[1]), Span(match[2], "address"), Span(match[3])


def events(full: InFull | None) -> Iterator[Section]:
    if full is None:
        yield Section("", ((Span("Reading…", "accent"),),))
        return
    yield from _note(full)
    for each in full.events:
        times = f"{each.count} times, last" if each.count > 1 else "at"
        role = Span(each.message, "fact" if each.type == "Normal" else "degraded")
        yield Section(
            f"{each.reason}  {each.type}",
            (
                (role,),
                labelled(times, f"{each.last_seen or 'no time told'} from {each.source or 'nobody named'}"),
            ),
        )
    if not full.events and not full.partial:
        yield Section("", ((Span("There are no events about this object.", "dim"),),))


def _note(full: InFull) -> Iterator[Section]:
    if full.note:
        yield Section("", ((Span(full.note, "unknown"),),))
