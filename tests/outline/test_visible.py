from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinspect.outline.visible import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain-name.v1", "plain-name.v1"),
        ("größe ★ 名前", "größe ★ 名前"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x1b]52;c;cm0gLXJm\x07", "\\x1b]52;c;cm0gLXJm\\x07"),
        ("a\nb\tc\r", "a\\x0ab\\x09c\\x0d"),
        ("\x9b31m", "\\x9b31m"),
        ("evil\u202etxt.exe", "evil\\u202etxt.exe"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("line\u2028sep", "line\\u2028sep"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("[bold]not markup[/]", "[bold]not markup[/]"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_nothing_that_is_shown_can_be_obeyed(text: str) -> None:
    for character in visible(text):
        assert unicodedata.category(character)[0] != "C" and character not in "\u2028\u2029"
