"""Every key has an id, a group and a line of help, and means one thing where it is pressed."""

from __future__ import annotations

from collections import Counter

import pytest

from kinspect.tui import keys
from kinspect.tui.keys import GROUPS, Key
from kinspect.tui.main import ALL_KEYS, VIEW_KEYS
from kinspect.tui.views import load

SCREEN = (*VIEW_KEYS, *keys.SCREEN, *keys.APP)


def test_ids_are_unique() -> None:
    assert max(Counter(key.id for key in ALL_KEYS).values()) == 1


@pytest.mark.parametrize("key", ALL_KEYS, ids=lambda key: key.id)
def test_a_key_says_what_it_does(key: Key) -> None:
    assert key.group in GROUPS
    assert key.title and key.help and len(key.help) <= 78
    assert key.binding().id == key.id


@pytest.mark.parametrize("focused", [keys.ROWS, keys.DETAIL], ids=["rows", "details"])
def test_a_key_means_one_thing(focused: tuple[Key, ...]) -> None:
    pressed = Counter(each for key in (*focused, *SCREEN) for each in key.keys.split(","))
    assert max(pressed.values()) == 1


def test_hints_name_existing_keys() -> None:
    assert keys.hints(ALL_KEYS, keys.ROWS_HINTS) and keys.hints(ALL_KEYS, keys.DETAIL_HINTS)


def test_views_declare_themselves() -> None:
    assert [view.id for view in load()] == ["services", "routes", "nodes", "problems"]
