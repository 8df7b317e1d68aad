"""The document `kinspect/doctor/v1`: what this machine and this user may do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from kinspect.export import Document
from kinspect.outline.visible import visible
from kinspect.sources.rights import Report
from kinspect.vantage.machine import Ability

MARKS = {
    "yes": "✓",
    "no": "✗",
    "unknown": "?",
    "everywhere": "✓",
    "in the namespace": "✓",
    "absent": "–",
}


class AbilityEntry(Document, frozen=True):
    name: str
    state: Literal["yes", "no", "unknown"]
    detail: str
    use: str
    fix: str | None


class RightEntry(Document, frozen=True):
    verbs: tuple[str, ...]
    group: str
    resource: str
    allowed: Literal["everywhere", "in the namespace", "no", "absent", "unknown"]
    namespace: str | None
    reason: str | None
    use: str


class ClusterEntry(Document, frozen=True):
    """`rights` () and an `error` = the cluster could not be asked."""

    server: str | None
    context: str | None
    namespace: str | None
    version: str | None
    user: str | None
    error: str | None
    rights: tuple[RightEntry, ...]


class Doctor(Document, frozen=True):
    schema: Literal["kinspect/doctor/v1"]
    machine: tuple[AbilityEntry, ...]
    cluster: ClusterEntry


def doctor(abilities: Iterable[Ability], report: Report | None, error: str = "") -> Doctor:
    """The document; `report` None = the cluster could not be asked, `error` says why."""
    machine = tuple(AbilityEntry(a.name, a.state, a.detail, a.use, a.fix or None) for a in abilities)
    return Doctor(schema="kinspect/doctor/v1", machine=machine, cluster=_cluster(report, error))


def _cluster(report: Report | None, error: str) -> ClusterEntry:
    if report is None:
        return ClusterEntry(None, None, None, None, None, error, ())
    rights = tuple(
        RightEntry(
            each.right.verbs,
            each.right.group,
            each.right.resource,
            each.allowed,
            (each.right.namespace or report.namespace) if each.allowed == "in the namespace" else None,
            each.reason or None,
            each.right.use,
        )
        for each in report.answers
    )
    return ClusterEntry(
        report.server,
        report.context or None,
        report.namespace,
        report.version or None,
        report.user or None,
        None,
        rights,
    )


def doctor_lines(document: Doctor) -> Iterator[str]:
    """The document as text, a line for each thing."""
    yield "This machine"
    for each in document.machine:
        yield f"  {MARKS[each.state]} {each.name:<16} {visible(each.detail)}"
        if each.state != "yes" or each.fix:
            fix = f" {each.fix}" if each.fix else ""
            yield f"    {'':<16} for {each.use}.{fix}"
    yield ""
    yield from _cluster_lines(document.cluster)


def _cluster_lines(cluster: ClusterEntry) -> Iterator[str]:
    if cluster.error is not None:
        yield "The cluster"
        yield f"  ✗ {visible(cluster.error)}"
        return
    user = f" as {cluster.user}" if cluster.user else ""
    yield visible(f"The cluster {cluster.server} ({cluster.version or 'version not told'}){user}")
    for each in cluster.rights:
        suffix = f".{each.group}" if each.group else ""
        where = f"in {each.namespace} only" if each.namespace else each.allowed
        yield visible(f"  {MARKS[each.allowed]} {' and '.join(each.verbs)} {each.resource}{suffix}: {where}")
        if each.allowed in ("no", "unknown"):
            yield visible(f"      for {each.use}" + (f": {each.reason}" if each.reason else ""))
