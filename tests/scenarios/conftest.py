"""The grounds that the scenarios run on: the lab in each proxy mode, or the real cluster when there is one.

`tests/conformance/run` starts pytest on its cluster, which then is the only ground; otherwise the lab is.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import real
from .ground import Ground


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "ground" in metafunc.fixturenames:
        cluster = pytest.param("real", marks=pytest.mark.conformance)
        metafunc.parametrize("ground", [cluster] if real.here() else [], indirect=True, scope="session")


@pytest.fixture(scope="session")
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    """A running cluster, at rest, with nothing applied to it."""
    cluster = real.here()
    assert cluster
    yield cluster
