"""The forest: whatever is opened, closed and changed in between, it shows what a fresh walk would."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from kinspect.outline.rows import Row, RowId
from kinspect.tui.forest import Forest


@dataclass
class Nested:
    """Branches from a nested dictionary; `cost_s` is what asking below a row takes, by its name."""

    world: dict[str, object]
    clock: Clock
    cost_s: dict[str, float] = field(default_factory=dict)
    asked: list[RowId] = field(default_factory=list)

    def roots(self) -> list[Row]:
        return [Row((name,), None) for name in self.world]

    def children(self, row: Row) -> list[Row]:
        self.asked.append(row.id)
        self.clock.now_s += self.cost_s.get(row.id[-1], 0.0)
        below: object = self.world
        for name in row.id:
            below = below.get(name, {}) if isinstance(below, dict) else {}
        return [Row((*row.id, name), None) for name in below] if isinstance(below, dict) else []


class Clock:
    """A clock that moves only when it is pushed, or a little at every look."""

    def __init__(self, step_s: float = 0.0) -> None:
        self.now_s = 100.0
        self.step_s = step_s

    def __call__(self) -> float:
        self.now_s += self.step_s
        return self.now_s


def walk(branches: Nested, forest: Forest, rows: list[Row]) -> list[RowId]:
    """What a forest with the same open rows shows, from nothing."""
    seen: list[RowId] = []
    for row in rows:
        seen.append(row.id)
        if forest.is_open(row):
            seen += walk(branches, forest, branches.children(row))
    return seen


def grown(world: dict[str, object], open_depth: int = 0) -> tuple[Forest, Nested]:
    clock = Clock()
    forest, branches = Forest(clock, open_depth), Nested(world, clock)
    forest.show(branches, at_once=True)
    forest.grow(0, 10, 1.0)
    return forest, branches


def names(forest: Forest) -> list[str]:
    return ["  " * row.depth + row.id[-1] for row in forest.rows]


WORLD: dict[str, object] = {"shop": {"cart": {"80": {}}, "search": {}}, "system": {"dns": {"53": {}}}}


def test_rows_of_the_first_levels_are_open() -> None:
    forest, _ = grown(WORLD, open_depth=1)
    assert names(forest) == ["shop", "  cart", "  search", "system", "  dns"]


def test_opening_and_closing() -> None:
    forest, _ = grown(WORLD)
    forest.open(0)
    forest.open(1)
    assert names(forest) == ["shop", "  cart", "    80", "  search", "system"]
    forest.close(0)
    assert names(forest) == ["shop", "system"]
    forest.open(0)
    assert names(forest) == ["shop", "  cart", "    80", "  search", "system"], (
        "what was open below is open again"
    )


def test_a_row_with_nothing_below_does_not_open() -> None:
    forest, _ = grown({"empty": {}})
    forest.open(0)
    assert not forest.is_open(forest.rows[0])


def test_a_new_root_comes_open_and_a_closed_one_stays_closed() -> None:
    forest, branches = grown(WORLD, open_depth=1)
    forest.close(0)
    forest.show(Nested({**WORLD, "tools": {"ci": {}}}, branches.clock), at_once=False)
    forest.grow(0, 10, 1.0)
    assert names(forest) == ["shop", "system", "  dns", "tools", "  ci"]
    assert forest.arrived[-1] == ("tools",)


def test_nothing_is_asked_again_without_news() -> None:
    forest, branches = grown(WORLD, open_depth=1)
    while forest.grow(0, 10, 1.0):
        pass
    branches.asked.clear()
    assert not forest.grow(0, 10, 1.0)
    assert branches.asked == []


def test_what_is_on_the_screen_is_asked_before_the_rest() -> None:
    clock = Clock(step_s=0.001)
    world: dict[str, object] = {f"ns{n}": {"a": {}} for n in range(100)}
    forest, branches = Forest(clock, 1), Nested(world, clock)
    forest.show(branches, at_once=True)
    while forest.grow(0, 10, 1.0):
        pass
    branches.asked.clear()
    forest.show(branches, at_once=False)
    forest.grow(150, 160, 0.0)
    assert set(branches.asked[:5]) == {(f"ns{n}",) for n in range(75, 80)}
    assert branches.asked[5:] == [("ns0",)], "and the pass always gets one row further"


def test_a_row_that_answers_slowly_rests_and_is_asked_later() -> None:
    clock = Clock()
    forest, branches = Forest(clock, 1), Nested(WORLD, clock, cost_s={"shop": 0.1})
    forest.show(branches, at_once=True)
    while forest.grow(0, 10, 1.0):
        pass
    branches.asked.clear()
    forest.show(branches, at_once=False)
    forest.grow(0, 10, 1.0)
    assert ("shop",) not in branches.asked and ("system",) in branches.asked
    clock.now_s += 4.0
    forest.grow(0, 10, 1.0)
    assert ("shop",) in branches.asked


def test_the_cursor_stays_with_its_row_or_with_what_closed_around_it() -> None:
    forest, _ = grown(WORLD, open_depth=1)
    assert forest.place_of(("system", "dns"), 0) == 4
    assert forest.place_of(("shop", "gone"), 2) == 2
    forest.close(0)
    assert forest.place_of(("shop", "search"), 2) == 0


def test_reveal_opens_the_way() -> None:
    forest, _ = grown(WORLD)
    path = [Row(("system",), None), Row(("system", "dns"), None), Row(("system", "dns", "53"), None)]
    at = forest.reveal(path)
    assert at is not None and forest.rows[at].id == ("system", "dns", "53")
    assert forest.reveal([Row(("nowhere",), None)]) is None


def test_reveal_finds_what_is_newer_than_the_last_pass() -> None:
    forest, branches = grown(WORLD, open_depth=1)
    newer: dict[str, object] = {"tools": {"ci": {}}, "shop": {"cart": {}, "zebra": {}}}
    forest.show(Nested(newer, branches.clock), at_once=False)
    at = forest.reveal([Row(("shop",), None), Row(("shop", "zebra"), None)])
    assert at is not None and forest.rows[at].id == ("shop", "zebra")
    at = forest.reveal([Row(("tools",), None), Row(("tools", "ci"), None)])
    assert at is not None and forest.rows[at].id == ("tools", "ci")


def test_opening_everything_has_a_limit() -> None:
    forest, _ = grown({"a": {str(n): {"x": {}, "y": {}} for n in range(100)}})
    forest.open_below(0, limit=150)
    assert 150 <= len(forest.rows) <= 153


def test_levels_open_one_at_a_time() -> None:
    forest, _ = grown(WORLD)
    forest.open_level(1000)
    assert names(forest) == ["shop", "  cart", "  search", "system", "  dns"]
    forest.open_level(1000)
    assert names(forest) == ["shop", "  cart", "    80", "  search", "system", "  dns", "    53"]
    forest.close_all()
    assert names(forest) == ["shop", "system"]


NAMES = st.sampled_from("abcde")
WORLDS = st.dictionaries(NAMES, st.dictionaries(NAMES, st.dictionaries(NAMES, st.just({}), max_size=3)))


@given(
    st.lists(
        st.one_of(
            WORLDS,
            st.tuples(st.sampled_from(("open", "close", "tick", "below")), st.integers(0, 30)),
        ),
        max_size=30,
    ),
    st.integers(0, 2),
)
def test_after_any_changes_it_equals_a_fresh_walk(steps: list[object], open_depth: int) -> None:
    clock = Clock(step_s=0.0001)
    forest, branches = Forest(clock, open_depth), Nested({}, clock)
    forest.show(branches, at_once=True)
    for step in steps:
        if isinstance(step, dict):
            branches = Nested(step, clock)
            forest.show(branches, at_once=False)
        elif isinstance(step, tuple):
            what, at = step
            if what == "tick":
                forest.grow(at, at + 3, 0.0005)
            elif at < len(forest.rows):
                {"open": forest.open, "close": forest.close, "below": lambda at: forest.open_below(at, 20)}[
                    what
                ](at)
    for _ in range(1000):
        clock.now_s += 1000.0
        if not forest.grow(0, 5, 0.001):
            break
    assert [row.id for row in forest.rows] == walk(branches, forest, branches.roots())
