"""The paper cluster as a guest: private while it runs, gone afterwards, errors passed on plainly."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from kinspect.errors import UsageError
from kinspect.lab import paper
from kinspect.lab.paper import paper_cluster


def test_its_files_are_the_users_only_and_go_with_it():
    async def run() -> Path:
        async with paper_cluster([], nodes=2) as kubeconfig:
            for file in kubeconfig.parent.iterdir():
                assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert stat.S_IMODE(kubeconfig.parent.stat().st_mode) == 0o700
            config = json.loads(kubeconfig.read_text())
            assert config["clusters"][0]["cluster"]["server"].startswith("https://127.0.0.1:")
            return kubeconfig

    assert not asyncio.run(run()).parent.exists()


def test_an_error_of_the_caller_comes_out_as_it_is():
    async def run() -> None:
        async with paper_cluster([]):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(run())


def test_a_manifest_that_is_refused_is_told_before_anything_is_served():
    async def run() -> None:
        bad = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {}}
        async with paper_cluster([bad]):
            raise AssertionError("not reached")

    with pytest.raises(UsageError, match=r"Service s: .*spec.ports: Required value"):
        asyncio.run(run())


def test_what_a_killed_one_left_is_removed_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True, text=True
    )
    left = tmp_path / f"{paper._PREFIX}{ended.stdout.strip()}-x"
    alive = tmp_path / f"{paper._PREFIX}{os.getpid()}-x"
    for folder in (left, alive):
        folder.mkdir()

    async def run() -> None:
        async with paper_cluster([]):
            assert not left.exists() and alive.exists()

    asyncio.run(run())
