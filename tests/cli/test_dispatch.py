"""The command line: what is a command, what is a target, how errors and exit codes come out."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kinspect import __version__
from kinspect.cli import names, parser_of, run
from kinspect.cli._options import VALUE_FLAGS, seconds
from kinspect.cli.complete import candidates
from kinspect.errors import EXIT_UNREADABLE, EXIT_USAGE, UsageError
from tests.golden import check_golden

HERE = Path(__file__).parent
COMMANDS = [name for name in names() if name != "complete"]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"kinspect {__version__}\n"


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    check_golden(HERE / "golden" / "help.txt", capsys.readouterr().out)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as left:
        run([name, "--help"])
    assert left.value.code == 0
    check_golden(HERE / "golden" / f"help-{name}.txt", capsys.readouterr().out)


@pytest.mark.parametrize("argv", [["tree", "--no-such-flag"], ["schema", "nothing"], ["explain", "XYZ999"]])
def test_usage_errors(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(argv) == EXIT_USAGE
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("kinspect: ")


def test_a_missing_file_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tree", "-f", "no-such-file.yaml"]) == EXIT_UNREADABLE
    assert "no-such-file.yaml" in capsys.readouterr().err.splitlines()[0]


FILE = "-f no-such-file.yaml"


@pytest.mark.parametrize(
    "line",
    [
        f"{FILE} tree",
        f"{FILE} -n shop tree svc/web",
        f"-nshop {FILE} tree svc/web",
        f"-n=shop tree {FILE} -- svc/web",
        f"-An shop tree {FILE}",
        f"-Aojson tree {FILE}",
        f"--namespace=shop check {FILE} --fail-on never",
        f"--fail-on never check {FILE}",
        f"--from here --repeat 2 trace svc/web {FILE}",
    ],
)
def test_flags_may_stand_before_the_command(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line.split()) == EXIT_UNREADABLE
    assert "no-such-file.yaml" in capsys.readouterr().err


def test_every_flag_that_has_a_value_is_known() -> None:
    """Else its value would be taken for the command."""
    parsers = [parser_of(name) for name in COMMANDS]
    nested = [action for parser in parsers for action in parser._actions if action.choices]
    for action in nested:
        if isinstance(action, argparse._SubParsersAction):
            parsers += action.choices.values()
    actions = [action for parser in parsers for action in parser._actions]
    flags = {flag for action in actions if action.nargs != 0 for flag in action.option_strings}
    assert flags == VALUE_FLAGS


def test_help_of_one_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", "check"]) == 0
    assert capsys.readouterr().out.startswith("usage: kinspect check ")
    assert run(["help", "chekc"]) == EXIT_USAGE
    assert "Did you mean `kinspect check`?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "value"), [("5s", 5), ("1m30s", 90), ("250ms", 0.25), ("0", None), ("10", 10)]
)
def test_durations_as_kubectl_takes_them(text: str, value: float | None) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["soon", "5 s", "-1s", "5x"])
def test_no_duration(text: str) -> None:
    with pytest.raises(UsageError):
        seconds(text)


def test_completion_offers_commands_flags_and_codes() -> None:
    assert any(line.startswith("tree\t") for line in candidates(["tr"]))
    assert "--namespace" in candidates(["tree", "--name"])
    assert "svc/" in candidates(["tree", "s"])


def test_help_imports_nothing_heavy() -> None:
    """The door of every heavy library is shut until it is needed."""
    code = (
        "import sys; from kinspect.cli import run; run(['--help'])\n"
        "heavy = {'textual', 'scapy', 'kubernetes', 'aiohttp', 'msgspec', 'yaml', 'dns'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    manifest = tmp_path / "many.yaml"
    manifest.write_text(
        "---\n".join(f"apiVersion: v1\nkind: Service\nmetadata: {{name: s{n}}}\n" for n in range(3000))
    )
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "kinspect", "tree", "-f", str(manifest)],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")
