"""What the objects alone already say is wrong with the Service that was called: causes without a packet."""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.judge import judgment_of
from kinspect.model.meta import Ref
from kinspect.model.path import At, Cause
from kinspect.model.snapshot import Snapshot
from kinspect.trace.run import Run
from kinspect.trace.target import Target


def declared_causes(snapshot: Snapshot, target: Target, run: Run) -> Iterator[Cause]:
    """The errors that the rules found at the Service, for a packet that was not delivered."""
    service = target.upstream[0] if target.upstream else target.service
    if service is None or run.verdict == "delivered":
        return
    ref = Ref("Service", *service)
    judgment = snapshot.judgments.get(ref) or judgment_of(snapshot, ref)
    if judgment is None:
        return
    ended = [hop.place for hop in run.hops if hop.matched_by and hop.direction == "original"]
    place = ended[-1] if ended else At("declared", "here")
    if run.parting is not None:
        place = At(run.parting.place.kind, run.parting.place.name)
    for finding in judgment.findings:
        if finding.severity == "error":
            yield Cause(finding.code, place, finding.message, finding.fix)
