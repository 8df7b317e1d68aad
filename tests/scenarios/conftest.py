"""The grounds that the scenarios run on: the lab in each proxy mode, or the real cluster when there is one.

`tests/conformance/run` starts pytest on its cluster, which then is the only ground; otherwise the lab is.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import lab, real
from .ground import Ground


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "ground" in metafunc.fixturenames:
        if real.here():
            grounds = [pytest.param("real", marks=pytest.mark.conformance)]
        else:
            grounds = [pytest.param(mode, marks=pytest.mark.lab) for mode in ("iptables", "nftables")]
        metafunc.parametrize("ground", grounds, indirect=True, scope="session")


@pytest.fixture(scope="session")
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    """A running cluster, with nothing applied to it yet."""
    if cluster := real.here():
        yield cluster
    else:
        with lab.booted(request.param) as booted:
            yield booted
