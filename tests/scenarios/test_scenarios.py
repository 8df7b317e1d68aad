"""Every ground answers the scenarios alike. What is expected was written down from the real cluster.

`KINSPECT_GOLDEN=write make conformance` writes it anew; the lab is never asked what is right.
"""

from __future__ import annotations

import difflib
import os

import pytest

from . import real
from .conftest import HERE
from .ground import Ground
from .normal import Words
from .scenarios import SCENARIOS, Scenario


@pytest.fixture(scope="module")
def words(ground: Ground) -> Words:
    return Words(ground)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[each.name for each in SCENARIOS])
def test_the_answer_is_that_of_the_real_cluster(ground: Ground, words: Words, scenario: Scenario) -> None:
    if scenario.mode and scenario.mode not in ground.modes.values():
        return  # no node of this ground programs its Services so
    seen, expected = scenario.ask(ground, words), HERE / "expected" / f"{scenario.name}.json"
    if real.here() and os.environ.get("KINSPECT_GOLDEN") == "write":
        expected.write_text(seen)
    lines = expected.read_text().splitlines(), seen.splitlines()
    parted = list(difflib.unified_diff(*lines, "the real cluster", "this ground", lineterm=""))
    assert not parted, "\n".join(parted[:200])
