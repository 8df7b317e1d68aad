"""The document `kinspect/findings/v1`: what is wrong, worst first, and what could not be judged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from kinspect.export import Document
from kinspect.export.scope import Scope, services_in
from kinspect.model.finding import SEVERITIES, Finding, Judgment, Severity, Unknown
from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot


class ObjectName(Document, frozen=True):
    kind: str
    namespace: str | None
    name: str


class FindingEntry(Document, frozen=True):
    code: str
    severity: Literal["error", "warning", "info"]
    object: ObjectName
    message: str
    field: str | None
    expected: str | None
    seen: str | None
    fix: str | None
    reproduce: tuple[str, ...]


class UnknownEntry(Document, frozen=True):
    code: str
    object: ObjectName
    reason: str


class Findings(Document, frozen=True):
    schema: Literal["kinspect/findings/v1"]
    findings: tuple[FindingEntry, ...]
    unknown: tuple[UnknownEntry, ...]
    rules: int


def findings(snapshot: Snapshot, scope: Scope, rules: int) -> Findings:
    """The document of all judged subjects in scope; `rules` is how many rules were run."""
    judgments = tuple(judgments_in(snapshot, scope))
    found = sorted((each for judgment in judgments for each in judgment.findings), key=_worst_first)
    unknown = sorted((u for judgment in judgments for u in judgment.unknowns), key=lambda u: (u.ref, u.code))
    return Findings(
        schema="kinspect/findings/v1",
        findings=tuple(_finding(each) for each in found),
        unknown=tuple(_unknown(each) for each in unknown),
        rules=rules,
    )


def judgments_in(snapshot: Snapshot, scope: Scope) -> Iterator[Judgment]:
    """The judgments of a scope; labels or a target limit them to Services and the target itself."""
    limited = bool(scope.selector) or scope.target is not None
    services = set(services_in(snapshot, scope)) if limited else set()
    for ref, judgment in snapshot.judgments.items():
        if limited and not (ref == scope.target or (ref.kind == "Service" and ref.key in services)):
            continue
        if limited or scope.namespace in (None, ref.namespace) or not ref.namespace:
            yield judgment


def worst(snapshot: Snapshot, scope: Scope) -> Severity | None:
    """The worst severity of any finding in scope; None where there is none."""
    seen = {each.severity for judgment in judgments_in(snapshot, scope) for each in judgment.findings}
    return next((severity for severity in SEVERITIES if severity in seen), None)


def _worst_first(finding: Finding) -> tuple[int, Ref, str, str]:
    return SEVERITIES.index(finding.severity), finding.ref, finding.code, finding.message


def _name(ref: Ref) -> ObjectName:
    return ObjectName(ref.kind, ref.namespace or None, ref.name)


def _finding(finding: Finding) -> FindingEntry:
    return FindingEntry(
        code=finding.code,
        severity=finding.severity,
        object=_name(finding.ref),
        message=finding.message,
        field=finding.field or None,
        expected=finding.expected or None,
        seen=finding.seen or None,
        fix=finding.fix or None,
        reproduce=finding.reproduce,
    )


def _unknown(unknown: Unknown) -> UnknownEntry:
    return UnknownEntry(unknown.code, _name(unknown.ref), unknown.reason)
