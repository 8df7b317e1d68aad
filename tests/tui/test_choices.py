"""Lists to pick from: what was typed in one piece comes before what merely has its letters."""

from __future__ import annotations

from kinspect.tui.choices import matching, named


def test_what_has_the_letters_in_one_piece_comes_first() -> None:
    choices = named(["node/node1", "node/node2", "pod/shop/one", "pod/shop/two"], None)
    assert [each.value for each in matching(choices, "one")] == ["pod/shop/one", "node/node1", "node/node2"]
    assert [each.value for each in matching(choices, "")] == [each.value for each in choices]
    assert [each.value for each in matching(choices, "p two")] == ["pod/shop/two"]
