"""A kind that may not be read is told once for all that it keeps from being judged."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from kinspect.export.findings import findings
from kinspect.export.scope import Scope
from kinspect.export.text import findings_lines, summary_line, tree_lines
from kinspect.judge import judged
from kinspect.model.coverage import Coverage
from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot
from kinspect.outline.details import details
from kinspect.outline.perspectives import root_of
from kinspect.outline.summary import summary
from kinspect.sources import open_file

NAMES = ("api", "web", "www", "xyz")
FORBIDDEN = "endpointslices is forbidden"


@pytest.fixture(scope="module")
def denied(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Four alike Services of a user who may not list EndpointSlices."""
    file = tmp_path_factory.mktemp("manifests") / "services.yaml"
    text = io.StringIO()
    for name in NAMES:
        text.write(
            f"---\nkind: Service\napiVersion: v1\nmetadata: {{name: {name}, namespace: shop}}\n"
            "spec: {selector: {app: x}, clusterIP: 10.96.0.9, ports: [{port: 80, targetPort: 80}]}\n"
        )
    file.write_text(text.getvalue())
    read = open_file([str(file)])
    coverage = {**read.coverage, "EndpointSlice": Coverage("denied", FORBIDDEN), "Pod": Coverage("given")}
    return judged(replace(read, coverage=coverage))


def test_each_reason_is_told_once(denied: Snapshot) -> None:
    document = findings(denied, Scope(), rules=1)
    about = [each for each in document.unknown if FORBIDDEN in each.reason]
    assert len(about) > 4 * len(NAMES)
    lines = [line for line in findings_lines(document, {}) if FORBIDDEN in line]
    assert len(lines) == 1


def test_the_rules_and_the_first_objects_are_named(denied: Snapshot) -> None:
    document = findings(denied, Scope(), rules=1)
    lines = list(findings_lines(document, {}))
    named = lines[next(n for n, line in enumerate(lines) if FORBIDDEN in line) - 1]
    assert named.startswith("○ unknown  EPS101 EPS102 ")
    assert named.endswith("  Service shop/api, Service shop/web, Service shop/www and 1 more")
    assert lines[-1].endswith(f"{len(document.unknown)} unknown")


def test_a_row_and_a_section_for_each_reason(denied: Snapshot) -> None:
    ref = Ref("Service", "shop", "web")
    rows = [line for line in tree_lines(denied, [root_of(ref)], {}) if "○" in line and FORBIDDEN in line]
    assert len(rows) == 1
    assert " rules  " in rows[0]
    section = next(each for each in details(denied, ref) if each.title == "Not known")
    assert len([line for line in section.lines if FORBIDDEN in line[1].text]) == 1


def test_a_command_about_one_namespace_says_so(denied: Snapshot) -> None:
    assert summary_line(summary(denied), "cluster x", "shop").startswith("cluster x, namespace shop: 4 Serv")
    document = findings(denied, Scope("shop"), rules=1)
    assert list(findings_lines(document, {}, "shop"))[-1].startswith("1 rules in namespace shop: ")
