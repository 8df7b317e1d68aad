"""What users get: the wheel and the sdist hold what they must and nothing else, and the wheel works alone."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import kinspect

ROOT = Path(__file__).parent.parent
STORY = "snapshots/service-apis"
WHEEL_LIMIT = 1 << 20

needs_hatchling = pytest.mark.skipif(
    importlib.util.find_spec("hatchling") is None, reason="hatchling, the build backend, is not installed"
)
needs_wheel = pytest.mark.skipif(
    os.environ.get("KINSPECT_TESTED") != "wheel",
    reason="only ./run test promises to test the installed wheel",
)


def build(target: str, source: Path, folder: Path) -> Path:
    """Builds a "wheel" or an "sdist" of a source folder; answers the one file that this made."""
    command = [sys.executable, "-P", "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    subprocess.run(
        ["tar", "-xzf", build("sdist", ROOT, folder / "built"), "-C", folder], check=True, timeout=60
    )
    (unpacked,) = folder.glob("kinspect-*")
    return unpacked


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the wheel in it: a wheel is installed by unpacking it."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(where: Path, *code: str) -> str:
    """What Python prints with the kinspect of `where`, in a folder that is not the checkout."""
    environment = {**os.environ, "PYTHONPATH": str(where)}
    command = [sys.executable, "-P", *code]
    done = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), done.stderr  # 1 = findings
    return done.stdout


def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


@needs_hatchling
def test_the_wheel_holds_the_package_the_themes_and_the_stories_and_nothing_else(wheel: Path) -> None:
    package = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "kinspect").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    data = {
        f"kinspect/data/{path.relative_to(ROOT)}"
        for folder in ("themes", "snapshots")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".svg"
    }
    assert contents(wheel) == package | data
    assert "kinspect/py.typed" in package
    assert {f"kinspect/data/{STORY}/manifests.yaml", "kinspect/data/themes/dark.toml"} <= data
    assert wheel.stat().st_size < WHEEL_LIMIT


@needs_hatchling
def test_the_sdist_holds_what_it_takes_to_test_and_to_build(sdist: Path, wheel: Path, tmp_path: Path) -> None:
    for name in ("run", "requirements.lock", "requirements-dev.lock", "LICENSE", "tests/conftest.py"):
        assert (sdist / name).is_file(), name
    assert os.access(sdist / "run", os.X_OK)
    assert contents(build("wheel", sdist, tmp_path)) == contents(wheel)


@needs_hatchling
def test_the_wheel_alone_works(installed: Path) -> None:
    story = f"{installed}/kinspect/data/{STORY}/objects.yaml"
    main = ("-m", "kinspect")
    assert run(installed, *main, "--version") == f"kinspect {kinspect.__version__}\n"
    assert "shop/" in run(installed, *main, "tree", "-f", story)
    assert json.loads(run(installed, *main, "check", "-f", story, "-o", "json"))["findings"]
    assert "kinspect/tree/v1" in json.dumps(json.loads(run(installed, *main, "schema", "tree")))


@needs_hatchling
def test_the_wheel_finds_its_own_data_and_the_checkout_finds_the_files_that_people_edit(
    installed: Path,
) -> None:
    code = "from kinspect.shipped import shipped; print(shipped('themes'), shipped('snapshots'))"
    data = installed / "kinspect" / "data"
    assert run(installed, "-c", code).split() == [str(data / "themes"), str(data / "snapshots")]
    assert run(ROOT, "-c", code).split() == [str(ROOT / "themes"), str(ROOT / "snapshots")]


@pytest.mark.parametrize(
    ("program", "words", "expected"),
    [
        ("kinspect", ["--version"], f"kinspect {kinspect.__version__}\n"),
        ("kubectl-kinspect", ["--version"], f"kinspect {kinspect.__version__}\n"),
        ("kubectl_complete-kinspect", ["snapsh"], "snapshot"),
    ],
)
def test_the_installed_programs_run(program: str, words: list[str], expected: str) -> None:
    path = Path(sysconfig.get_path("scripts")) / program
    done = subprocess.run([path, *words], cwd="/", capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(expected)


@needs_wheel
def test_this_suite_tests_the_installed_wheel() -> None:
    site = sysconfig.get_path("purelib")
    assert Path(kinspect.__file__).is_relative_to(site)
    code = ("-c", "import kinspect; print(kinspect.__file__)")
    child = subprocess.run([sys.executable, *code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert child.stdout.strip() == kinspect.__file__
