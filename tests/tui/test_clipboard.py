"""The clipboard: the machine's own, the terminal's over SSH, and never a control character through it."""

from __future__ import annotations

import base64

import pyperclip
import pytest

from kinspect.tui.clipboard import Clipboard, osc_52

SSH = {"SSH_TTY": "/dev/pts/3"}


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What reached the machine's own clipboard."""
    copied: list[str] = []
    monkeypatch.setattr(pyperclip, "copy", copied.append)
    return copied


@pytest.fixture
def no_local(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(text: str) -> None:
        raise pyperclip.PyperclipException("no clipboard mechanism")

    monkeypatch.setattr(pyperclip, "copy", fail)


def sent(text: str, environ: dict[str, str]) -> tuple[bool, list[str]]:
    """Whether it was copied, and what was written to the terminal."""
    written: list[str] = []
    return Clipboard(written.append, environ).copy(text, "the name").ok, written


def test_locally_the_machines_clipboard_is_used(local: list[str]) -> None:
    assert sent("cart", {}) == (True, [])
    assert local == ["cart"]


def test_over_ssh_the_terminal_is_asked(local: list[str]) -> None:
    assert sent("cart", SSH) == (True, ["\x1b]52;c;Y2FydA==\x07"])
    assert local == []


def test_without_a_clipboard_program_the_terminal_is_asked(no_local: None) -> None:
    assert sent("cart", {}) == (True, ["\x1b]52;c;Y2FydA==\x07"])


@pytest.mark.parametrize(
    "text", ["rm -rf ~\n", "a\rb", "x\x1b]52;c;!\x07", "\x9b31m", "evil\u202ename", "a\x0cb", "a\u2028b"]
)
def test_nothing_that_a_terminal_or_shell_obeys_is_copied_by_the_terminal(
    text: str, local: list[str]
) -> None:
    assert sent(text, SSH) == (False, [])


@pytest.mark.parametrize("text", ["x\x1b[31m", "a\rb", "a\x0cb", "a\u2028b"])
def test_control_characters_are_refused_locally_as_well(text: str, local: list[str]) -> None:
    assert sent(text, {}) == (False, [])
    assert local == []


def test_several_lines_go_to_the_local_clipboard_only(
    local: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sent("kind: Pod\nname: a\n", {}) == (True, [])
    assert local == ["kind: Pod\nname: a\n"]
    assert sent("kind: Pod\nname: a\n", SSH) == (False, [])


def test_several_lines_are_refused_where_only_the_terminal_is_left(no_local: None) -> None:
    assert sent("kind: Pod\nname: a\n", {}) == (False, [])


def test_what_is_too_long_for_a_terminal_is_refused() -> None:
    assert sent("x" * 80_000, SSH) == (False, [])


def test_the_sequence_holds_only_base64() -> None:
    sequence = osc_52("naïve ☂".encode())
    assert base64.b64decode(sequence.removeprefix("\x1b]52;c;").removesuffix("\x07")).decode() == "naïve ☂"


def test_the_refusal_shows_what_is_in_the_text_without_obeying_it() -> None:
    said = Clipboard(lambda _: None, SSH).copy("a\x1b[2Jb", "the name").said
    assert said == "Not copied: the name holds control characters (a\\x1b[2Jb)."
