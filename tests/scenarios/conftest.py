"""The grounds that the scenarios run on: the lab in each proxy mode, or the real cluster when there is one.

`tests/conformance/run` starts pytest on its cluster, which then is the only ground; otherwise the lab is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kubectl import required

from . import lab, real
from .ground import Ground
from .settling import settle

HERE = Path(__file__).parent
OBJECTS = HERE / "objects.yaml"
STORY = HERE.parents[1] / "snapshots/service-apis/manifests.yaml"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "ground" in metafunc.fixturenames:
        if real.here():
            grounds = [pytest.param("real", marks=pytest.mark.conformance)]
        else:
            grounds = [pytest.param(mode, marks=pytest.mark.lab) for mode in ("iptables", "nftables")]
        metafunc.parametrize("ground", grounds, indirect=True, scope="session")


@pytest.fixture(scope="session")
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    """A running cluster with the objects of the story and of the scenarios, at rest."""
    cluster: Ground | None
    with contextlib.ExitStack() as stack:
        if cluster := real.here():
            cluster.apply(STORY.read_text())
        else:
            required()
            cluster = stack.enter_context(lab.booted(request.param, STORY))
        cluster.apply(OBJECTS.read_text())
        settle(cluster)
        # The Service `leaving` is left with a pod that is told to end and serves on.
        cluster.kubectl("-n", "scenarios", "delete", "pod", "leaving", "--wait=false")
        settle(cluster)
        yield cluster
