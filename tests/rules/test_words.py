"""Words that several rules use."""

from __future__ import annotations

from kinspect.model.meta import Condition, Meta
from kinspect.model.pod import Pod, PodStatus
from kinspect.rules._words import reasons


def pod(name: str, message: str) -> Pod:
    status = PodStatus(conditions=(Condition("Ready", "False", message=message),))
    return Pod(Meta(name=name), status=status)


def test_each_reason_is_said_once() -> None:
    slow = [pod(f"slow-{n}", "so slow") for n in range(3)]
    why = "its condition Ready is not True"
    assert reasons(slow) == reasons(slow[:1]) == f"{why}: so slow"
    assert reasons([pod("odd", "odd"), *slow]) == f"3 pods: {why}: so slow; odd: {why}: odd"
    many = [pod(f"p{n}", f"m{n}") for n in range(5)]
    assert reasons(many) == f"p0: {why}: m0; p1: {why}: m1; p2: {why}: m2; and 2 reasons more"
    assert reasons([]) == ""
