"""What the objects already say of a Service is a cause where a packet was not delivered, and only there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kinspect.model.finding import Finding, Judgment
from kinspect.model.meta import Ref
from kinspect.model.path import Verdict
from kinspect.sources import open_file
from kinspect.trace.declared import declared_causes
from kinspect.trace.run import Run
from kinspect.trace.target import at_address

SERVICE = Ref("Service", "shop", "one")


@pytest.mark.parametrize(
    ("verdict", "expected"), [("delivered", []), ("refused", ["SVC101"]), ("dropped", ["SVC101"])]
)
def test_errors_of_the_service_are_causes(verdict: Verdict, expected: list[str]) -> None:
    snapshot = open_file([str(Path(__file__).with_name("recorded.yaml"))], None)
    findings = (
        Finding("SVC101", "error", SERVICE, "no pod is selected", fix="mend the selector"),
        Finding("SVC102", "warning", SERVICE, "something smaller"),
    )
    judged = replace(snapshot, judgments={SERVICE: Judgment(SERVICE, findings)})
    run = Run(verdict, (), None, None, None, "")
    target = at_address("svc/one", judged, "10.96.225.63", 80)
    assert [cause.code for cause in declared_causes(judged, target, run)] == expected
