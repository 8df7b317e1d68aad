"""What a rule answers about a subject: broken (a Finding), unknown (with the reason), or it holds."""

from __future__ import annotations

from typing import Literal

from kinspect.model.meta import Fact, Ref

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""Worst first."""

State = Literal["ok", "degraded", "broken", "unknown"]
"""The state of a subject, from its judgments: an error breaks it, a warning degrades it."""


class Finding(Fact, frozen=True):
    """Something is wrong with `ref`. All texts are plain; names from the cluster are in them unescaped.

    `port` is the Service port that it is about ("80/TCP http"), "" when about the whole object.
    `field` is the path of the deciding field; `expected` and `seen` what it should and does say.
    `reproduce` is an argv that shows the evidence; () where none can.
    """

    code: str
    severity: Severity
    ref: Ref
    message: str
    field: str = ""
    expected: str = ""
    seen: str = ""
    fix: str = ""
    reproduce: tuple[str, ...] = ()
    port: str = ""


class Unknown(Fact, frozen=True):
    """A rule could not look: `reason` says what was missing."""

    code: str
    ref: Ref
    reason: str


class Judgment(Fact, frozen=True):
    """Everything that all rules said about one subject, at one moment."""

    ref: Ref
    findings: tuple[Finding, ...] = ()
    unknowns: tuple[Unknown, ...] = ()

    @property
    def state(self) -> State:
        """Broken beats degraded beats unknown: what is surely wrong is never hidden by what is not known."""
        if not self.findings:
            return "unknown" if self.unknowns else "ok"
        severities = {each.severity for each in self.findings}
        if "error" in severities:
            return "broken"
        if "warning" in severities:
            return "degraded"
        return "unknown" if self.unknowns else "ok"
