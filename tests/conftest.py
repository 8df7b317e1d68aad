"""What all tests share: the `tests` package without the checkout on the path, and what a skip means.

The suite tests the installed kinspect, so the checkout's root must not be on sys.path: only `tests` is made
importable. `KINSPECT_LAB=require` turns every skip into a failure, so that a machine meant to run everything
cannot pass by skipping.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

HERE = Path(__file__).parent

if "tests" not in sys.modules:
    spec = importlib.util.spec_from_file_location(
        "tests", HERE / "__init__.py", submodule_search_locations=[str(HERE)]
    )
    assert spec and spec.loader
    sys.modules["tests"] = importlib.util.module_from_spec(spec)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.skipped and os.environ.get("KINSPECT_LAB") == "require" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped although KINSPECT_LAB=require: {report.longrepr}"
