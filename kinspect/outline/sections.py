"""What details are made of: headings, and lines of labelled texts."""

from __future__ import annotations

from typing import NamedTuple

from kinspect.model.meta import Condition
from kinspect.outline.rows import Role, Span

Words = tuple[Span, ...]


class Section(NamedTuple):
    """A heading and its lines; each line is a row of texts, the first of which is its label."""

    title: str
    lines: tuple[Words, ...]


def labelled(label: str, text: str, role: Role = "fact") -> Words:
    return Span(label, "dim"), Span(text, role)


def present(*pairs: tuple[str, object]) -> tuple[Words, ...]:
    """A line for each pair whose value says something: None, "" and () say nothing."""
    return tuple(labelled(label, str(value)) for label, value in pairs if value not in (None, "", ()))


def conditions(found: tuple[Condition, ...]) -> tuple[Words, ...]:
    return tuple(
        labelled(each.type, " ".join(filter(None, (each.status, each.reason, each.message))))
        for each in found
    )
