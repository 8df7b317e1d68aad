"""The clipboard: the machine's own where there is one, else the terminal's by OSC 52.

Over SSH the machine's clipboard is the wrong one, so the terminal is asked: `ESC ] 52 ; c ; base64 BEL`
(xterm control sequences, "Operating System Commands"). Whatever is copied may be pasted into a shell, and a
pasted newline runs what stands before it. So control characters are refused outright, and a text of several
lines (YAML) goes only to the local clipboard, where the person can see what is pasted before it runs.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from typing import NamedTuple

from kinspect.outline.visible import visible

OSC_52_LIMIT = 74_994
"""Bytes of text that xterm takes at most in one sequence (its 100,000 of base64, less the frame)."""


class Copied(NamedTuple):
    """`ok` False = nothing was copied, and `said` tells why. `said` is one line, safe to show."""

    ok: bool
    said: str


class Clipboard(NamedTuple):
    """`write` sends bytes to the terminal; `environ` tells whether the person sits behind SSH."""

    write: Callable[[str], None]
    environ: Mapping[str, str]

    @classmethod
    def here(cls, write: Callable[[str], None]) -> Clipboard:
        return cls(write, os.environ)

    @property
    def remote(self) -> bool:
        return bool(self.environ.get("SSH_TTY") or self.environ.get("SSH_CONNECTION"))

    def copy(self, text: str, what: str) -> Copied:
        """Copies `text`; `what` names it for the person ("the kubectl command")."""
        if refused := _refusal(text, several_lines=not self.remote):
            return Copied(False, f"Not copied: {what} {refused}.")
        if not self.remote:
            import pyperclip  # with ctypes: only a copy needs them

            try:
                pyperclip.copy(text)
            except (pyperclip.PyperclipException, OSError):
                pass  # no clipboard program here, or no display: the terminal may have one
            else:
                return Copied(True, f"Copied {what} to the clipboard.")
        return self._by_terminal(text, what)

    def _by_terminal(self, text: str, what: str) -> Copied:
        if refused := _refusal(text, several_lines=False):
            return Copied(False, f"Not copied: {what} {refused}.")
        raw = text.encode()
        if len(raw) > OSC_52_LIMIT:
            return Copied(False, f"Not copied: {what} is too long for the terminal's clipboard.")
        self.write(osc_52(raw))
        return Copied(True, f"Sent {what} to the terminal's clipboard (OSC 52; not every terminal takes it).")


def osc_52(raw: bytes) -> str:
    """The sequence that sets the terminal's clipboard. Only letters, digits, +, / and = are inside."""
    return f"\x1b]52;c;{base64.b64encode(raw).decode('ascii')}\x07"


def _refusal(text: str, *, several_lines: bool) -> str:
    """Why this text must not be copied, or ""."""
    lines = text.split("\n") if several_lines else [text]
    for line in lines:
        if line != visible(line):
            if "\n" in line or "\r" in line:
                return "has several lines, which a terminal's clipboard could run when pasted"
            return f"holds control characters ({visible(line)[:60]})"
    return ""
