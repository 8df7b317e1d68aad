"""Every rule keeps its contract: manual, healthy and broken example, unknown where it cannot look."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product

import msgspec
import pytest

from kinspect.judge import judged
from kinspect.model.coverage import Coverage
from kinspect.model.finding import SEVERITIES, Finding, Unknown
from kinspect.model.kinds import KINDS
from kinspect.model.meta import Ref
from kinspect.model.service import Service
from kinspect.model.snapshot import Snapshot
from kinspect.rules import CRASH, Rule, answers_of, load
from kinspect.sources.manifests import read_manifests

RULES = load()
FAMILIES = {"SVC", "EPS", "DNS", "TRF", "ING", "GWY", "POL", "NAT", "TLS", "NOD"}
SECTIONS = ("What it finds:", "Why it matters:", "How to fix:", "Source:")

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)


def snapshot(manifests: str) -> Snapshot:
    return read_manifests(["-"], manifests.encode())


def findings(of: Snapshot) -> list[Finding]:
    return [finding for judgment in of.judgments.values() for finding in judgment.findings]


def unknowns(of: Snapshot, rule: Rule) -> list[Unknown]:
    return [
        each for judgment in of.judgments.values() for each in judgment.unknowns if each.code == rule.code
    ]


def denying(of: Snapshot, kind: str) -> Snapshot:
    return replace(of, coverage={**of.coverage, kind: Coverage("denied", "forbidden")})


def test_there_are_rules_of_every_promised_family() -> None:
    assert len(RULES) >= 15
    assert {rule.code[:3] for rule in RULES} >= {"SVC", "EPS", "TRF", "ING"}


@each_rule
def test_contract(rule: Rule) -> None:
    assert re.fullmatch(r"[A-Z]{3}1\d\d", rule.code)
    assert rule.code[:3] in FAMILIES
    assert rule.severity in SEVERITIES
    assert rule.subjects
    named = (*rule.subjects, *rule.needs, *rule.consults, *rule.searches, *rule.everywhere)
    assert set(named) <= set(KINDS)
    assert not set(rule.needs) & set(rule.consults)


@each_rule
def test_manual(rule: Rule) -> None:
    assert rule.title and not rule.title.endswith(".")
    where = [rule.manual.index(section) for section in SECTIONS]
    assert where == sorted(where)


@each_rule
def test_healthy_example_raises_no_rule_at_all(rule: Rule) -> None:
    seen = judged(snapshot(rule.healthy))
    assert findings(seen) == []
    assert unknowns(seen, rule) == []


@each_rule
def test_broken_example_breaks_with_this_code(rule: Rule) -> None:
    seen = judged(snapshot(rule.broken))
    assert unknowns(seen, rule) == []
    found = findings(seen)
    assert {each.severity for each in found if each.code == rule.code} == {rule.severity}
    # A rule that only informs may have something to say about the same example.
    assert {each.code for each in found if each.severity != "info"} <= {rule.code}


@each_rule
def test_finding_says_all_that_a_person_needs(rule: Rule) -> None:
    for found in findings(judged(snapshot(rule.broken))):
        assert found.ref.kind in rule.subjects
        assert found.message and not found.message.endswith(".") and "\n" not in found.message
        assert found.field and found.expected and found.seen and found.fix
        assert found.reproduce[0] == "kubectl"


@pytest.mark.parametrize(
    ("rule", "kind", "example"),
    [(rule, kind, example) for rule in RULES for kind, example in product(rule.needs, ("healthy", "broken"))],
    ids=lambda value: value.code if isinstance(value, Rule) else value,
)
def test_denied_kind_makes_unknown(rule: Rule, kind: str, example: str) -> None:
    seen = judged(denying(snapshot(getattr(rule, example)), kind))
    told = unknowns(seen, rule)
    assert told and all("forbidden" in each.reason for each in told)
    assert rule.code not in {each.code for each in findings(seen)}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("EPS105", "Pod"),
        ("EPS106", "Pod"),
        ("EPS107", "Pod"),
        ("GWY101", "Service"),
        ("GWY103", "ReferenceGrant"),
    ],
)
def test_kind_that_a_rule_asks_about_by_itself_makes_unknown_when_denied(code: str, kind: str) -> None:
    (rule,) = (rule for rule in RULES if rule.code == code)
    seen = judged(denying(snapshot(rule.broken), kind))
    assert unknowns(seen, rule)
    assert code not in {each.code for each in findings(seen)}


@each_rule
def test_kind_of_other_namespaces_only_makes_unknown(rule: Rule) -> None:
    seen = snapshot(rule.broken)
    elsewhere = {kind: Coverage("given", namespaces=("elsewhere",)) for kind in rule.needs}
    seen = judged(replace(seen, coverage={**seen.coverage, **elsewhere}))
    if rule.needs:
        assert unknowns(seen, rule)
        assert rule.code not in {each.code for each in findings(seen)}


def test_kind_that_the_server_lacks_is_surely_empty() -> None:
    rule = next(rule for rule in RULES if rule.needs == ("IngressClass",))
    seen = snapshot(rule.healthy.partition("---")[0])
    seen = judged(replace(seen, coverage={**seen.coverage, "IngressClass": Coverage("absent")}))
    assert [each.code for each in findings(seen)] == [rule.code]
    assert unknowns(seen, rule) == []


@pytest.mark.parametrize("state", ["loading", "denied", "lost", "not given"])
def test_unknown_says_what_is_missing(state: str) -> None:
    (rule,) = (rule for rule in RULES if rule.code == "SVC101")
    seen = snapshot(rule.broken)
    seen = judged(replace(seen, coverage={**seen.coverage, "Pod": Coverage(state)}))  # type: ignore[arg-type]
    assert all("pods" in each.reason for each in unknowns(seen, rule))


def test_crashing_rule_becomes_a_finding_and_an_unknown() -> None:
    def check(_subject: object, _snapshot: Snapshot) -> list[Finding]:
        raise ZeroDivisionError("by nought")

    rule = msgspec.structs.replace(RULES[0], needs=(), check=check)
    ref = Ref("Service", "shop", "web")
    crashed, unknown = answers_of([rule], ref, Service(), Snapshot(), unsure=())
    assert isinstance(crashed, Finding) and isinstance(unknown, Unknown)
    assert (crashed.code, crashed.severity) == (CRASH, "info")
    assert "ZeroDivisionError: by nought" in crashed.seen
    assert unknown.code == rule.code
