"""Everything that is wrong or could not be judged, worst first: one row for each finding."""

from __future__ import annotations

from typing import ClassVar

from kinspect.model.finding import SEVERITIES, Finding, State
from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot
from kinspect.outline.filter import fuzzy
from kinspect.outline.rows import STATE_ROLE, Line, Row, Span
from kinspect.tui.views import Shown, View
from kinspect.tui.widgets.tree import TreeView

_STATE: dict[str, State | None] = {"error": "broken", "warning": "degraded", "info": None}


class FindingRow(Row, frozen=True):
    """A finding under its code; the object that it is about comes second."""

    finding: Finding
    kind: ClassVar[str] = "finding"

    def line(self, snapshot: Snapshot) -> Line:
        each = self.finding
        state = _STATE[each.severity]
        name = f"{each.ref.namespace}/{each.ref.name}" if each.ref.namespace else each.ref.name
        return Line(
            state,
            (
                Span(name, "title"),
                Span(each.severity, STATE_ROLE[state]),
                Span(each.code, "kind"),
                Span(each.ref.kind, "dim"),
                Span(each.message, STATE_ROLE[state]),
            ),
        )


class ProblemBranches:
    """The findings that the filter and the namespace leave."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown

    def roots(self) -> list[Row]:
        found = [
            (SEVERITIES.index(finding.severity), ref, position, finding)
            for ref, judgment in self._shown.snapshot.judgments.items()
            if judgment.findings and self._in_namespace(ref)
            for position, finding in enumerate(judgment.findings)
            if self._wanted(finding)
        ]
        found.sort(key=lambda entry: (entry[0], entry[1].namespace, entry[1].name, entry[3].code, entry[2]))
        return [
            FindingRow((f"{ref.kind}/{ref.namespace}/{ref.name}/{finding.code}/{position}",), ref, finding)
            for _, ref, position, finding in found
        ]

    def children(self, row: Row) -> list[Row]:
        return []

    def _in_namespace(self, ref: Ref) -> bool:
        return self._shown.namespace in (None, ref.namespace)

    def _wanted(self, finding: Finding) -> bool:
        return all(_has(finding, prefix, value) for prefix, value in self._shown.wanted.terms)


def _has(finding: Finding, prefix: str, value: str) -> bool:
    """The filter's terms asked of a finding: `type` is the kind of the object, other facts it has not."""
    if prefix == "ns":
        return value in finding.ref.namespace.lower()
    if prefix == "type":
        return value in finding.ref.kind.lower()
    if prefix == "state":
        return (_STATE[finding.severity] or "").startswith(value)
    if prefix:
        return False
    return value in finding.message.lower() or fuzzy(
        value, f"{finding.code} {finding.ref.namespace}/{finding.ref.name}"
    )


VIEW = View(
    id="problems",
    key="4",
    title="Problems",
    help="Every finding of every rule, worst first",
    make=lambda: TreeView(ProblemBranches),
    says="Nothing is known to be wrong here.",
)
