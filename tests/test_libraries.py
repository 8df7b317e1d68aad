"""Libraries: what is imported is declared and locked, and nobody waits for what a command does not use."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from kinspect.shipped import shipped

ROOT = Path(__file__).parent.parent
STORY = str(shipped("snapshots") / "service-apis" / "objects.yaml")
JSON = '{"apiVersion": "v1", "kind": "ServiceList", "items": []}'
SCREENS = {"textual", "rich", "pyperclip"}
CLUSTER = {"kubernetes", "aiohttp"}
PACKETS = {"scapy", "dns", "h11"}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(file: str) -> dict[str, list[str]]:
    """The packages of a lock file, each with its hashes."""
    packages: dict[str, list[str]] = {}
    name = ""
    for line in (ROOT / file).read_text().splitlines():
        if pinned := re.match(r"([A-Za-z0-9._-]+)==", line):
            name = canonical(pinned[1])
            packages[name] = []
        elif "--hash=" in line:
            packages[name].append(line)
    return packages


def declared(group: str = "") -> set[str]:
    """The names in pyproject.toml: of the project, or of a group."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    words = project["dependency-groups"][group] if group else project["project"]["dependencies"]
    return {canonical(re.split(r"[<>=!~; \[]", word, maxsplit=1)[0]) for word in words}


def imported(folder: Path) -> Iterator[tuple[str, Path]]:
    """The outer name of every module that is imported from outside the package, with a file that does."""
    for path in folder.rglob("*.py"):
        if "conformance" in path.parts:  # some of it is copied into containers, beside what it imports
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                outer = name.partition(".")[0]
                if outer not in sys.stdlib_module_names and outer not in ("kinspect", "tests"):
                    yield outer, path


@pytest.mark.parametrize(("folder", "group"), [("kinspect", ""), ("tests", "dev")])
def test_what_is_imported_is_declared_and_locked(folder: str, group: str) -> None:
    distributions = importlib.metadata.packages_distributions()
    known = declared() | (declared(group) if group else set())
    lock = locked("requirements-dev.lock" if group else "requirements.lock")
    for module, path in imported(ROOT / folder):
        names = {canonical(name) for name in distributions.get(module, [module])}
        assert names & known, f"{path} imports {module}, which pyproject.toml does not name"
        assert names & lock.keys(), f"{path} imports {module}, which is not locked"


@pytest.mark.parametrize("file", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_file_pins_by_hash_and_names_no_host(file: str) -> None:
    packages = locked(file)
    assert declared() | {"hatchling"} <= packages.keys()
    assert all(packages.values())
    text = (ROOT / file).read_text()
    assert "://" not in text
    assert "--index" not in text


def test_both_lock_files_agree() -> None:
    def versions(file: str) -> set[str]:
        return {word for word in (ROOT / file).read_text().split() if "==" in word}

    assert versions("requirements.lock") <= versions("requirements-dev.lock")


@pytest.mark.parametrize(
    ("words", "unused"),
    [
        (["--help"], SCREENS | CLUSTER | PACKETS | {"cryptography", "yaml", "msgspec", "argparse", "typing"}),
        (["check", "-f", STORY], SCREENS | CLUSTER | PACKETS | {"cryptography", "asyncio"}),
        (["check", "-f", "-"], SCREENS | CLUSTER | PACKETS | {"cryptography", "asyncio", "yaml"}),
        (["tree", "-f", STORY], SCREENS | CLUSTER | PACKETS | {"cryptography", "asyncio"}),
        (["explain"], SCREENS | CLUSTER | PACKETS | {"cryptography", "asyncio"}),
        (["lab", "--help"], SCREENS | CLUSTER | PACKETS | {"cryptography"}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_a_command_imports_only_what_it_uses(words: list[str], unused: set[str]) -> None:
    code = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print('\\n', *sorted(set({sorted(unused)!r}) & sys.modules.keys())))\n"
        "from kinspect.cli import run\n"
        f"sys.exit(run({words!r}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], input=JSON, capture_output=True, text=True, timeout=60
    )
    assert done.returncode in (0, 1), done.stderr  # 1 = findings
    assert done.stdout.splitlines()[-1].split() == []
