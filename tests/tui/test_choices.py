"""Lists to pick from: what was typed in one piece comes before what merely has its letters."""

from __future__ import annotations

from kinspect.tui.choices import matching, named, vantages


def test_what_has_the_letters_in_one_piece_comes_first() -> None:
    choices = named(["node/node1", "node/node2", "pod/shop/one", "pod/shop/two"], None)
    assert [each.value for each in matching(choices, "one")] == ["pod/shop/one", "node/node1", "node/node2"]
    assert [each.value for each in matching(choices, "")] == [each.value for each in choices]
    assert [each.value for each in matching(choices, "p two")] == ["pod/shop/two"]


def test_a_cluster_ip_is_called_from_where_it_means_something() -> None:
    places = ["client", "node/node1", "pod/shop/one", "here"]
    assert [each.value for each in vantages(places, "node/node1:30080")] == places
    first, second, *_ = vantages(places, "svc/web")
    assert (first.value, second.value) == ("node/node1", "pod/shop/one")
