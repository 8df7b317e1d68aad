"""Standard streams that are closed, full, cut off or not UTF-8: words and an exit code, never a traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kinspect.errors import EXIT_OK, EXIT_UNREADABLE

SERVICE = "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}"


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "web.yaml"
    path.write_text(SERVICE)
    return str(path)


def shell(line: str, file: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a shell makes of the line, in which $K is the program and $F a file with a Service."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        env={**os.environ, "K": f"{sys.executable} -m kinspect", "F": file, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("words", ["tree -f $F", "tree -f $F -o json", "check -f $F", "--help", "explain"])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_one_clear_line(words: str, file: str) -> None:
    done = shell(f"$K {words} >/dev/full", file)
    assert done.returncode == EXIT_UNREADABLE
    assert done.stderr == "kinspect: the output could not be written: No space left on device\n"


@pytest.mark.parametrize("words", ["tree -f $F", "tree -f $F -o json", "explain", "--help"])
@pytest.mark.parametrize("redirection", [">&-", "| true", "2>&- >/dev/null"])
def test_an_output_that_nobody_reads_is_no_error(words: str, redirection: str, file: str) -> None:
    done = shell(f"$K {words} {redirection}", file)
    assert (done.returncode, done.stdout, done.stderr) == (EXIT_OK, "", "")


@pytest.mark.parametrize("redirection", ["<&-", "</dev/null"])
def test_an_empty_standard_input_is_no_proof(redirection: str, file: str) -> None:
    done = shell(f"$K check -f - {redirection}", file)
    assert done.returncode == EXIT_UNREADABLE
    assert done.stderr.startswith("kinspect: standard input: there is no object in it\n")


def test_a_stdout_that_is_not_utf8_shows_escapes(file: str) -> None:
    done = shell("$K tree -f $F", file, PYTHONIOENCODING="ascii")
    assert done.returncode == EXIT_OK
    assert shell("$K explain && $K check -f $F", file, PYTHONIOENCODING="ascii").returncode == EXIT_OK


@pytest.mark.skipif(shutil.which("script") is None, reason="script (util-linux) makes the terminal")
def test_screens_are_not_drawn_where_nobody_looks(file: str, tmp_path: Path) -> None:
    """stdin and stdout are a terminal, but stderr, on which screens are drawn, is a file."""
    words = tmp_path / "words"
    done = shell(f"script -qec '$K open $F 2>{words}' /dev/null </dev/null", file)
    assert "Service, 1 unknown" in done.stdout
    assert words.read_text() == ""


def test_an_empty_file_name_is_told(file: str) -> None:
    done = shell("$K check -f '' <$F", file)
    assert done.returncode == 2
    assert "a file is named by the empty text" in done.stderr
