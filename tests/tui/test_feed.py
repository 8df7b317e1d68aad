"""Which snapshot is looked at, what is news, and what the marks and the header make of it."""

from __future__ import annotations

from dataclasses import replace

from kinspect.errors import Unreachable
from kinspect.export.text import hidden_lines
from kinspect.model.coverage import Coverage
from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot
from kinspect.outline.rows import Line, Span
from kinspect.outline.summary import summary
from kinspect.tui import words
from kinspect.tui.feed import FOLLOW_S, Feed
from kinspect.tui.marks import MARK_S, Marks
from tests.tui.world import CART, CHECKOUT, with_coverage, world


def test_the_newest_is_taken_once() -> None:
    feed = Feed()
    assert not feed.take()
    feed.newest = world()
    assert feed.take()
    assert not feed.take()
    assert feed.shown is feed.newest


def test_a_frozen_feed_stays_and_another_source_thaws_it() -> None:
    feed = Feed()
    feed.newest = first = world()
    feed.take()
    feed.frozen, feed.newest = True, world()
    assert not feed.take()
    assert feed.shown is first
    feed.begin()
    assert feed.shown is None
    assert not feed.frozen


def test_it_settles_once_everything_is_read_and_judged() -> None:
    feed, calm = Feed(), world()

    def settles(snapshot: Snapshot) -> bool:
        feed.newest = snapshot
        feed.take()
        return feed.settle(summary(snapshot))

    assert not settles(Snapshot(live=True)), "nothing is known yet"
    assert not settles(replace(calm, judgments={})), "the judge has not begun"
    assert not settles(with_coverage(calm, Pod=Coverage("loading")))
    assert not settles(replace(calm, pending=1))
    assert settles(calm)
    assert not settles(world()), "only the first time is news"


def test_following_rests_on_each_change() -> None:
    feed = Feed()
    feed.newest = replace(world(), recent={CART: 5.0, CHECKOUT: 6.0})
    feed.take()
    assert feed.changed_last(now=7.0) == CHECKOUT
    feed.newest = replace(world(), recent={Ref("Pod", "shop", "x"): 7.1})
    feed.take()
    assert feed.changed_last(now=7.5) is None, "too soon"
    assert feed.changed_last(now=7.1 + FOLLOW_S) == Ref("Pod", "shop", "x")
    assert feed.changed_last(now=20.0) is None, "nothing new"


def test_marks_come_with_another_text_and_fade() -> None:
    marks, ready, broken = Marks(), Line("ok", (Span("a"),)), Line("broken", (Span("a"),))
    marks.read(("a",), ready, 0.0, news=True)
    assert ("a",) not in marks, "seen for the first time"
    marks.read(("a",), broken, 1.0, news=True)
    assert ("a",) in marks
    assert not marks.fade(2.0)
    assert marks.fade(1.0 + MARK_S)
    assert ("a",) not in marks


def test_while_the_first_lists_come_in_nothing_is_news() -> None:
    marks = Marks()
    marks.read(("a",), Line("unknown", ()), 0.0, news=False)
    marks.read(("a",), Line("ok", ()), 1.0, news=False)
    assert ("a",) not in marks


def test_a_state_of_the_connection_is_said_in_words() -> None:
    live, nothing = world(), Snapshot(live=True)
    stale = with_coverage(live, Pod=Coverage("given", as_of="2026-03-01T14:01:02+00:00"))
    said = [
        words.liveness(snapshot, summary(snapshot), frozen, error).text.partition(" ")[0]
        for snapshot, frozen, error in (
            (live, False, None),
            (live, True, None),
            (stale, False, None),
            (nothing, False, None),
            (world(live=False), False, None),
            (live, False, Unreachable("gone")),
        )
    ]
    assert said == ["live,", "frozen", "as", "connecting…", "recorded", "no"]


def test_a_right_that_was_given_meanwhile_is_told_once() -> None:
    feed = Feed()
    feed.newest = with_coverage(world(), Pod=Coverage("given", "only shop", ("shop",)))
    assert feed.take() and feed.widened() == []
    feed.newest = with_coverage(world(), Pod=Coverage("loading", count=5))
    assert feed.take() and feed.widened() == []
    feed.newest = world()
    assert feed.take() and feed.widened() == ["Pod"]
    assert feed.widened() == []


def test_the_screen_is_as_old_as_what_it_shows_most() -> None:
    old, new = (Coverage("given", "reconnecting: refused", as_of=f"2026-03-01T14:0{n}:00Z") for n in (1, 2))
    found = summary(with_coverage(world(), Pod=new, Service=new, IngressClass=old))
    assert found.as_of == "2026-03-01T14:02:00Z"
    assert words.gaps(found) == (("not up to date", "pods, services, ingressclasses: reconnecting: refused"),)
    assert summary(with_coverage(world(), IngressClass=old)).as_of == "2026-03-01T14:01:00Z"
    polled = Coverage("given", "may be listed but not watched", as_of="2026-03-01T14:01:00Z")
    for coverage, word in ((old, "reconnecting"), (polled, "not followed")):
        shown = with_coverage(world(), Pod=coverage, Node=Coverage("denied", "forbidden"))
        assert words.liveness(shown, summary(shown), False, None).text.endswith(f", {word}")
        assert [label for label, _ in words.gaps(summary(shown))] == ["not up to date", "not known"]


def test_why_kinds_are_not_up_to_date_is_told_in_one_namespace_too() -> None:
    cut = Coverage("given", "reconnecting: refused", ("shop",), as_of="2026-03-01T14:01:00Z")
    found = summary(with_coverage(world(), Pod=cut, Service=cut))
    assert words.gaps(found) == (("not up to date", "pods, services: reconnecting: refused"),)
    assert list(hidden_lines(found)) == ["not up to date: Pod, Service (reconnecting: refused)"]


def test_what_cannot_be_known_names_the_kinds_that_matter_first() -> None:
    denied = Coverage("denied", "forbidden")
    found = summary(with_coverage(world(), GRPCRoute=denied, Pod=denied))
    assert words.gaps(found) == (("not known", "pods, grpcroutes: denied"),)
    assert words.gaps(summary(world())) == ()


def test_of_many_kinds_that_are_hidden_alike_the_reason_is_not_crowded_out() -> None:
    denied = Coverage("denied", "forbidden")
    kinds = ("Ingress", "Pod", "Node", "EndpointSlice", "Namespace")
    found = summary(with_coverage(world(), **dict.fromkeys(kinds, denied)))
    assert words.gaps(found) == (("not known", "endpointslices, nodes, pods and 2 more: denied"),)


def test_nothing_is_counted_before_it_is_known() -> None:
    denied = Snapshot(coverage={"Service": Coverage("denied")})
    assert words.counts(denied, summary(denied)) == ()
    assert [span.text for span in words.counts(world(), summary(world()))] == [
        "✗ 1 broken",
        "▲ 1 degraded",
        "○ 1 unknown",
        "● 2 ok",
    ]
