"""The DNS names that a Service should have, and what each should answer."""

from __future__ import annotations

from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.outline.rows import Span
from kinspect.outline.sections import Section, Words, labelled
from kinspect.resolve.names import records, short_names

MOST_RECORDS = 12


def dns_names(snapshot: Snapshot, service: Service) -> Section:
    """The short names by where they work, then the expected records, in the default zone."""
    own, with_namespace, _ = short_names(service)
    lines: list[Words] = [
        labelled("in its namespace", own),
        labelled("in every namespace", with_namespace),
    ]
    if service.headless and not snapshot.covers("EndpointSlice", service.namespace):
        return Section("DNS names", (*lines, (Span("its records are not known: slices are not", "unknown"),)))
    found = records(snapshot, service)
    lines += [
        (Span(each.type, "dim"), Span(each.name), Span(f"→ {each.value}", "address"))
        for each in found[:MOST_RECORDS]
    ]
    if len(found) > MOST_RECORDS:
        lines.append((Span(f"and {len(found) - MOST_RECORDS} more records", "dim"),))
    if not found:
        lines.append((Span("no records now: the name does not exist (NXDOMAIN)", "broken"),))
    return Section("DNS names", tuple(lines))
