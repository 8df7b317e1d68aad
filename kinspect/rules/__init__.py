"""The contract of a rule, and the loader of all rules.

A rule is one module of this package; nothing else registers it. It answers one question about one object:

- its docstring is the manual: a title line, then *What it finds*, *Why it matters*, *How to fix*, *Source*;
- `CODE` never changes and is never reused; its family says what it is about (SVC, EPS, TRF, ING …) and its
  first digit what it needs to be answered: 1 = objects alone, 2 = a probe, 3 = packets or a node's state;
- `SEVERITY`: "error" = requests fail; "warning" = some fail, or will; "info" = worth knowing, not wrong;
- `SUBJECTS`: the kinds of object that it judges;
- `NEEDS`: the kinds without which it cannot tell. The judge answers unknown in its place where one of them
  is not known in the subject's namespace;
- `HEALTHY` and `BROKEN`: the smallest manifests, with status and slices, that hold and that break it;
- `check(subject, snapshot)` yields a Finding for each thing broken, an Unknown where it cannot tell, and
  nothing where the rule holds.

Optional:

- `CONSULTS`: kinds that the check looks at where they are known, to say more or to answer unknown;
- `EVERYWHERE`: kinds of which an object in any place counts, joined to the subject or not (of Pods: where
  they run);
- `LOOKS_BEHIND = True`: `check` is given what stands behind the Service, which knows the Service, too: all
  rules share what has been worked out of it;
- `applies(subject)`: False = the rule has nothing to say about this object, whatever else is known;
- `SEARCHES`: kinds that an answer quotes evidence from, found by searching. While the answer stands, a
  change to such an object (of the subject's namespace, or sharing a label with its selector) has it judged
  again. Everything else that a check may look at is what `resolve.touches` joins to it, and the
  cluster-wide kinds of `NEEDS` and `CONSULTS`.

Modules whose names begin with an underscore are no rules but words that several of them use.

A rule reads facts and `resolve`, never the clock; two runs on the same snapshot say the same. It states
what is wrong, never what somebody might like better.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Container, Iterable
from functools import cache
from itertools import pairwise
from types import ModuleType
from typing import Any

import msgspec

from kinspect.model.finding import Finding, Severity, Unknown
from kinspect.model.kinds import KINDS
from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import Behind

Answers = Iterable[Finding | Unknown]

CRASH = "KIN001"
"""The code of the finding that a rule itself failed. It is about us, so it never breaks a subject."""


class Rule(msgspec.Struct, frozen=True):
    """One rule, as its module declares it. `name` is the module's: the problem as a sentence."""

    code: str
    severity: Severity
    subjects: tuple[str, ...]
    needs: tuple[str, ...]
    consults: tuple[str, ...]
    everywhere: tuple[str, ...]
    searches: tuple[str, ...]
    looks_behind: bool
    name: str
    title: str
    manual: str
    healthy: str
    broken: str
    applies: Callable[[Any], bool]
    check: Callable[[Any, Snapshot], Answers]

    @property
    def reads(self) -> tuple[str, ...]:
        """The kinds that the answer depends on beside the subject itself."""
        return self.needs + self.consults + self.everywhere + self.searches


@cache
def load() -> tuple[Rule, ...]:
    """All rules, by code. Raises ValueError if two share one."""
    rules = [
        _rule(importlib.import_module(f"{__name__}.{found.name}"))
        for found in pkgutil.iter_modules(__path__)
        if not found.name.startswith("_")
    ]
    rules.sort(key=lambda rule: rule.code)
    for earlier, later in pairwise(rules):
        if earlier.code == later.code:
            raise ValueError(f"{earlier.name} and {later.name} have the same code {later.code}")
    return tuple(rules)


def answers_of(
    rules: Iterable[Rule], ref: Ref, subject: Any, snapshot: Snapshot, unsure: Container[str]
) -> list[Finding | Unknown]:
    """What rules say about one subject, to which all of them apply.

    `unsure` has the codes of those that need a kind which is not known everywhere.
    """
    answers: list[Finding | Unknown] = []
    behind: Behind | None = None
    for rule in rules:
        said = len(answers)
        try:
            if rule.code in unsure and (missing := _lacked(rule, ref.namespace, snapshot)):
                answers.append(Unknown(rule.code, ref, missing))
                continue
            if rule.looks_behind:
                behind = behind or Behind(snapshot, subject)
            for each in rule.check(behind if rule.looks_behind else subject, snapshot):
                answers.append(each)  # noqa: PERF402 - most say nothing, which a loop is told in half the time
        except Exception as error:  # noqa: BLE001 - a rule is supervised: its own failure must not take the others
            answers[said:] = _crash(rule, ref, f"{type(error).__name__}: {error}")
    return answers


def _crash(rule: Rule, ref: Ref, said: str) -> Answers:
    return (
        Finding(
            CRASH,
            "info",
            ref,
            f"the rule {rule.code} {rule.name} failed here, so it is not known whether it holds",
            seen=said,
            fix="This is an error in kinspect. Please report it with a snapshot.",
        ),
        Unknown(rule.code, ref, f"the rule failed: {said}"),
    )


def _lacked(rule: Rule, namespace: str, snapshot: Snapshot) -> str:
    """Why the rule cannot tell for a subject of this namespace, "" if it can."""
    return next(filter(None, (_missing(snapshot, kind, namespace) for kind in rule.needs)), "")


def _missing(snapshot: Snapshot, kind: str, namespace: str) -> str:
    """Why an absence of this kind would prove nothing for a subject of this namespace; "" if it would."""
    coverage = snapshot.coverage_of(kind)
    plural = KINDS[kind].plural
    wanted = namespace if KINDS[kind].namespaced and namespace else None
    if coverage.covers(wanted):
        return ""
    because = f": {coverage.reason}" if coverage.reason else ""
    match coverage.state:
        case "loading":
            return f"{plural} are still being read"
        case "denied":
            return f"{plural} may not be listed{because}"
        case "lost":
            return f"{plural} could not be read{because}"
        case "not given":
            return f"{plural} are not given{because}"
        case _:
            return f"{plural} were read in other namespaces only"


def _rule(member: ModuleType) -> Rule:
    manual = (member.__doc__ or "").strip()
    return Rule(
        code=member.CODE,
        severity=member.SEVERITY,
        subjects=member.SUBJECTS,
        needs=member.NEEDS,
        consults=getattr(member, "CONSULTS", ()),
        everywhere=getattr(member, "EVERYWHERE", ()),
        searches=getattr(member, "SEARCHES", ()),
        looks_behind=getattr(member, "LOOKS_BEHIND", False),
        name=member.__name__.rpartition(".")[2],
        title=manual.partition("\n")[0],
        manual=manual,
        healthy=member.HEALTHY,
        broken=member.BROKEN,
        applies=getattr(member, "applies", _always),
        check=member.check,
    )


def _always(_subject: Any) -> bool:
    return True
