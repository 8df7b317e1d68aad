"""The list/watch machine: each answer of a server as a named case, and the property that matters.

Whatever is cut, repeated, refused or compacted on the way: once the server is well again, what was folded
from the changes equals a fresh list.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kinspect.model.change import Change, Covered, Remove, Retain, Upsert
from kinspect.model.coverage import NOT_GIVEN, Coverage
from kinspect.model.decoding import Malformed
from kinspect.model.kinds import KINDS
from kinspect.model.meta import Key, Meta, Object
from kinspect.sources.messages import (
    Batch,
    Bookmark,
    Delete,
    Ended,
    Event,
    Failed,
    List,
    Odd,
    Opened,
    Page,
    Put,
    Read,
    Refresh,
    Refreshed,
    Request,
    Wait,
    Waited,
    Watch,
    WatchEvent,
)
from kinspect.sources.watcher import FAILURES_UNTIL_LOST, Pace, Watcher

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PODS, ROUTES, SERVICES = KINDS["Pod"], KINDS["HTTPRoute"], KINDS["Service"]


def pod(name: str, version: int, namespace: str = "a") -> Object:
    return PODS.type(metadata=Meta(name=name, namespace=namespace, resource_version=str(version)))


@dataclass
class Told:
    """What a consumer has folded."""

    objects: dict[Key, Object] = field(default_factory=dict)
    coverage: Coverage = NOT_GIVEN

    def fold(self, changes: tuple[Change, ...]) -> None:
        for change in changes:
            match change:
                case Upsert(objects=objects):
                    self.objects.update((each.key, each) for each in objects)
                case Remove(keys=keys):
                    for key in keys:
                        self.objects.pop(key, None)
                case Retain(namespace=namespace, keys=kept):
                    for key in [
                        k for k in self.objects if k not in kept and namespace in (None, k.namespace)
                    ]:
                        del self.objects[key]
                case Covered(coverage=coverage):
                    self.coverage = coverage


class Play:
    """A machine and its consumer, driven by hand."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher, self.told, self.now = watcher, Told(), NOON
        self.request: Request = watcher.start()

    def says(self, event: Event) -> Request:
        changes, self.request = self.watcher.step(event, self.now, 0.5)
        self.told.fold(changes)
        return self.request

    def until_watching(self, *objects: Object, version: str = "10") -> None:
        self.says(Page(objects, (), version))
        self.says(Opened())


@pytest.fixture
def play() -> Play:
    return Play(Watcher(PODS, None))


def test_pages_then_a_watch_from_the_version_of_the_list(play: Play) -> None:
    assert play.request == List("v1", None, 500)
    assert play.says(Page((pod("a", 1),), (), "10", "token", 7)) == List("v1", None, 500, "token")
    assert play.told.coverage == Coverage("loading", count=1, expected=8)
    assert play.says(Page((pod("b", 2),), (), "10")) == Watch("v1", None, "10", 450)
    assert play.told.coverage == Coverage("given")
    assert play.says(Opened()) == Read()
    assert play.says(Batch((Put(pod("c", 11)), Delete(pod("a", 12)), Bookmark("15")))) == Read()
    assert set(play.told.objects) == {Key("a", "b"), Key("a", "c")}
    play.now += timedelta(minutes=5)
    assert play.says(Ended()) == Watch("v1", None, "15", 450)


def test_a_slow_first_page_asks_the_cache_and_says_so(play: Play) -> None:
    again = play.says(Page((pod("a", 9),), (), "20", "token", took_s=2.5))
    assert again == List("v1", None, 0, "", "0")
    play.says(Page((pod("b", 3),), (), "15"))
    assert set(play.told.objects) == {Key("a", "b")}
    assert "from the server's cache" in play.told.coverage.reason
    play.says(Opened())
    play.says(Batch((Put(pod("a", 19)),)))
    assert "from the server's cache" in play.told.coverage.reason
    play.says(Batch((Bookmark("20"),)))
    assert play.told.coverage == Coverage("given")


def test_a_whole_list_may_come_in_parts_and_be_cut(play: Play) -> None:
    play.says(Page((pod("a", 9),), (), "20", "token", took_s=2.5))
    assert play.says(Page((pod("a", 1), pod("gone", 2)), partial=True)) == Read()
    assert isinstance(play.says(Failed(None, "cut")), Wait)
    assert play.says(Waited()) == List("v1", None, 0, "", "0")
    assert play.says(Page((pod("a", 3),), partial=True)) == Read()
    assert isinstance(play.says(Page((pod("b", 4),), (), "25")), Watch)
    assert set(play.told.objects) == {Key("a", "a"), Key("a", "b")}


def test_410_as_a_status_starts_the_list_again_in_one_piece(play: Play) -> None:
    play.says(Page((pod("a", 1),), (), "10", "token"))
    assert isinstance(play.says(Failed(410, "expired")), Wait)
    assert play.told.coverage.state == "loading"
    assert play.says(Waited()) == List("v1", None, 0)
    play.says(Page((pod("b", 2),), (), "20"))
    assert set(play.told.objects) == {Key("a", "b")}


def test_410_as_an_event_lists_again_and_keeps_what_is_shown(play: Play) -> None:
    play.until_watching(pod("a", 1), pod("b", 2))
    assert isinstance(play.says(Batch((Put(pod("c", 11)), Failed(410, "too old")))), Wait)
    assert set(play.told.objects) == {Key("a", "a"), Key("a", "b"), Key("a", "c")}
    assert play.told.coverage == Coverage("given", "reading again", as_of="2026-01-01T12:00:00Z")
    assert play.says(Waited()) == List("v1", None, 500)
    play.says(Page((pod("b", 2),), (), "20"))
    assert set(play.told.objects) == {Key("a", "b")}
    assert play.told.coverage == Coverage("given")


def test_429_waits_as_long_as_the_server_says_then_asks_the_same(play: Play) -> None:
    play.says(Page((pod("a", 1),), (), "10", "token"))
    assert play.says(Failed(429, "too many requests", 4.0)) == Wait(6.0)
    assert play.says(Waited()) == List("v1", None, 500, "token")


@pytest.mark.parametrize(("said_s", "waits_s"), [(1e308, 90.0), (0.0, 1.2), (-5.0, 1.2)])
def test_no_server_makes_us_wait_for_ever_or_ask_in_a_circle(
    play: Play, said_s: float, waits_s: float
) -> None:
    assert play.says(Failed(429, "too many requests", said_s)) == Wait(pytest.approx(waits_s))


def test_a_page_that_leads_to_itself_is_trouble(play: Play) -> None:
    again = Page((), (), "5", "next")
    assert isinstance(play.says(again), List)
    for _ in range(FAILURES_UNTIL_LOST + 1):
        assert isinstance(play.says(again), Wait)
        assert isinstance(play.says(Waited()), List)
    assert play.told.coverage.state == "lost"
    assert "the same page" in play.told.coverage.reason


def test_a_broken_server_is_asked_less_and_less_and_the_kind_is_lost_at_last(play: Play) -> None:
    waits, states = [], []
    for _ in range(8):
        wait = play.says(Failed(503, "down"))
        assert isinstance(wait, Wait)
        waits.append(wait.seconds)
        states.append(play.told.coverage.state)
        play.says(Waited())
    assert waits == [pytest.approx(1.2 * 2**n) for n in range(6)] + [45.0, 45.0]
    assert states == ["not given"] * 4 + ["lost"] * 4
    assert play.says(Page((pod("a", 1),), (), "10")) == Watch("v1", None, "10", 450)
    assert play.told.coverage == Coverage("given")


def test_without_patience_silence_is_enough_and_a_busy_server_is_not() -> None:
    play = Play(Watcher(PODS, None, pace=Pace(asks_again=False)))
    assert isinstance(play.says(Failed(429, "too many requests")), Wait)
    assert play.told.coverage == NOT_GIVEN
    play.says(Waited())
    assert isinstance(play.says(Failed(None, "no answer in time")), Wait)
    assert play.told.coverage == Coverage("lost", "no answer in time")
    play.says(Waited())
    play.says(Page((pod("a", 1),), (), "10"))
    assert play.told.coverage == Coverage("given")


def test_a_lost_connection_keeps_what_was_known_with_its_time(play: Play) -> None:
    play.until_watching(pod("a", 1))
    play.says(Batch((Bookmark("12"),)))
    play.now += timedelta(seconds=40)
    assert play.says(Failed(None, "connection reset")) == Wait(pytest.approx(1.2))
    stale = Coverage("given", "reconnecting: connection reset", as_of="2026-01-01T12:00:00Z")
    assert play.told.coverage == stale
    assert play.says(Waited()) == Watch("v1", None, "12", 450)
    play.says(Opened())
    assert play.told.coverage == Coverage("given")


def test_versions_that_go_back_mean_another_server_and_a_new_list(play: Play) -> None:
    play.until_watching(pod("a", 1), version="100")
    play.says(Batch((Put(pod("b", 101)), Bookmark("7"))))
    assert set(play.told.objects) == {Key("a", "a"), Key("a", "b")}
    assert play.says(Waited()) == List("v1", None, 500)


def test_a_watch_that_keeps_failing_lists_again(play: Play) -> None:
    play.until_watching(pod("a", 1))
    asked = []
    for _ in range(6):
        play.says(Batch((Failed(500, "storage feature disabled"),)))
        asked.append(play.says(Waited()))
        if isinstance(play.request, Watch):
            play.says(Opened())
    assert [type(each) for each in asked] == [Watch] * 4 + [List] * 2


def test_a_server_that_ends_watches_at_once_is_not_asked_in_a_circle(play: Play) -> None:
    play.until_watching(pod("a", 1))
    assert play.says(Ended()) == Wait(pytest.approx(1.2))


def test_401_refreshes_once_and_then_is_bad_news(play: Play) -> None:
    assert play.says(Failed(401, "Unauthorized")) == Refresh()
    assert play.says(Refreshed()) == List("v1", None, 500)
    assert play.says(Failed(401, "Unauthorized")) == Wait(90.0)
    assert play.told.coverage == Coverage("lost", "the credentials are not accepted: Unauthorized")
    play.says(Waited())
    assert play.says(Failed(401, "Unauthorized")) == Refresh()
    assert play.says(Refreshed("the plugin failed")) == Wait(90.0)
    assert play.told.coverage == Coverage("lost", "the plugin failed")


def test_401_in_the_middle_of_a_watch_goes_on_where_it_was(play: Play) -> None:
    play.until_watching(pod("a", 1))
    assert play.says(Batch((Failed(401, "Unauthorized"),))) == Refresh()
    assert play.says(Refreshed()) == Watch("v1", None, "10", 450)


def test_403_narrows_to_the_one_namespace_and_says_so() -> None:
    play = Play(Watcher(PODS, None, fallback="shop"))
    assert play.says(Failed(403, "pods is forbidden")) == List("v1", "shop", 500)
    play.says(Page((pod("a", 1, "shop"),), (), "10"))
    assert play.told.coverage == Coverage("given", "only namespace shop: pods is forbidden", ("shop",))
    assert isinstance(play.request, Watch)
    assert play.request.namespace == "shop"


def narrowed_to_shop() -> Play:
    """Watching in shop, because the whole cluster was refused."""
    play = Play(Watcher(PODS, None, fallback="shop"))
    play.says(Failed(403, "pods is forbidden"))
    assert play.says(Page((pod("a", 1, "shop"),), (), "10")) == Watch("v1", "shop", "10", 90)
    play.says(Opened())
    play.now += timedelta(seconds=60)
    return play


def test_after_each_short_watch_of_the_one_namespace_the_whole_cluster_is_asked_for() -> None:
    play = narrowed_to_shop()
    assert play.says(Ended()) == List("v1", None, 500)
    assert play.says(Failed(403, "pods is forbidden")) == Watch("v1", "shop", "10", 90)
    assert play.told.coverage == Coverage("given", "only namespace shop: pods is forbidden", ("shop",))
    play.says(Opened())
    play.now += timedelta(seconds=60)
    play.says(Ended())
    everything = Page((pod("a", 1, "shop"), pod("b", 2, "else")), (), "20")
    assert play.says(everything) == Watch("v1", None, "20", 450)
    assert play.told.coverage == Coverage("given")
    assert set(play.told.objects) == {Key("shop", "a"), Key("else", "b")}


def test_a_cluster_that_comes_in_pages_is_not_known_before_the_last() -> None:
    play = narrowed_to_shop()
    play.says(Ended())
    play.says(Page((pod("b", 2, "else"),), (), "20", "next", 1))
    assert play.told.coverage == Coverage("loading", count=1, expected=2)
    play.says(Page((pod("a", 1, "shop"),), (), "20"))
    assert play.told.coverage == Coverage("given")


@pytest.mark.parametrize("status", [None, 404, 405, 410, 429, 500])
def test_trouble_with_the_whole_cluster_leaves_the_one_namespace_watched(status: int | None) -> None:
    play = narrowed_to_shop()
    play.says(Ended())
    assert play.says(Failed(status, "trouble")) == Watch("v1", "shop", "10", 90)
    assert play.told.coverage.namespaces == ("shop",)
    assert set(play.told.objects) == {Key("shop", "a")}


def test_where_the_one_namespace_may_only_be_listed_the_whole_cluster_is_asked_for_too() -> None:
    play = Play(Watcher(PODS, None, fallback="shop"))
    play.says(Failed(403, "pods is forbidden"))
    play.says(Page((pod("a", 1, "shop"),), (), "10"))
    assert play.says(Failed(403, "may not watch")) == Wait(90.0)
    assert play.says(Waited()) == List("v1", None, 500)
    assert play.says(Failed(403, "pods is forbidden")) == List("v1", "shop", 500)
    assert isinstance(play.says(Page((pod("a", 1, "shop"),), (), "11")), Watch)


def test_rights_that_are_taken_away_take_what_they_showed() -> None:
    play = Play(Watcher(PODS, None, fallback="shop"))
    play.until_watching(pod("a", 1, "shop"), pod("b", 2, "elsewhere"))
    play.says(Batch((Failed(410, "too old"),)))
    play.says(Waited())
    play.says(Failed(403, "pods is forbidden"))
    play.says(Page((pod("a", 1, "shop"),), (), "20"))
    assert set(play.told.objects) == {Key("shop", "a")}


def test_403_in_that_namespace_too_denies_the_kind_and_asks_for_all_again() -> None:
    play = Play(Watcher(PODS, None, fallback="shop"))
    play.says(Failed(403, "pods is forbidden"))
    play.says(Failed(403, "pods is forbidden in shop"))
    assert play.told.coverage == Coverage("denied", "pods is forbidden in shop")
    assert play.says(Waited()) == List("v1", None, 500)


def test_403_without_a_way_out_denies_the_kind_and_asks_slowly() -> None:
    play = Play(Watcher(KINDS["Node"], None, fallback="shop"))
    assert play.says(Failed(403, "nodes is forbidden")) == Wait(90.0)
    assert play.told.coverage == Coverage("denied", "nodes is forbidden")
    assert play.says(Waited()) == List("v1", None, 500)


def test_a_watch_that_is_not_allowed_any_more_asks_at_once_what_still_is(play: Play) -> None:
    play.until_watching(pod("a", 1))
    assert play.says(Failed(403, "pods is forbidden")) == List("v1", None, 500)
    assert play.told.coverage == Coverage("given", "reading again", as_of="2026-01-01T12:00:00Z")
    assert play.says(Failed(403, "pods is forbidden")) == Wait(90.0)
    assert play.told.coverage == Coverage("denied", "pods is forbidden")
    assert not play.told.objects


def test_a_watch_that_is_not_allowed_any_more_though_the_list_is_is_polled(play: Play) -> None:
    play.until_watching(pod("a", 1))
    play.says(Failed(403, "may not watch"))
    assert isinstance(play.says(Page((pod("a", 1),), (), "20")), Watch)
    assert play.says(Failed(403, "may not watch")) == Wait(90.0)
    assert "listed but not watched" in play.told.coverage.reason


def test_a_kind_that_may_not_be_watched_is_listed_again_and_again(play: Play) -> None:
    play.says(Page((pod("a", 1),), (), "10"))
    assert play.says(Failed(403, "may not watch")) == Wait(90.0)
    assert play.told.coverage.as_of == "2026-01-01T12:00:00Z"
    assert "listed but not watched" in play.told.coverage.reason
    assert play.says(Waited()) == List("v1", None, 500)


def test_a_kind_that_is_not_there_may_come_and_go() -> None:
    play = Play(Watcher(ROUTES, None))
    assert play.says(Failed(404, "404 page not found")) == List(
        "gateway.networking.k8s.io/v1beta1", None, 500
    )
    assert play.says(Failed(404, "404 page not found")) == Wait(90.0)
    assert play.told.coverage == Coverage("absent")
    assert play.says(Waited()) == List("gateway.networking.k8s.io/v1", None, 500)
    play.says(Page((ROUTES.type(metadata=Meta(name="r", namespace="a")),), (), "10"))
    assert play.told.coverage == Coverage("given")
    play.says(Opened())
    play.says(Failed(404, "gone"))
    play.says(Failed(404, "gone"))
    assert play.told.coverage == Coverage("absent")
    assert not play.told.objects


def test_404_for_a_core_kind_means_that_this_is_no_kubernetes(play: Play) -> None:
    play.says(Failed(404, "nothing here"))
    assert play.told.coverage == Coverage("lost", "the server does not know pods: nothing here")


def test_a_malformed_object_costs_only_itself(play: Play) -> None:
    bad = Malformed(Key("a", "bad"), "Expected `int`")
    play.says(Page((pod("a", 1),), (bad,), "10"))
    assert play.told.coverage == Coverage("given", "not readable: a/bad (Expected `int`)")
    play.says(Opened())
    play.says(Batch((Odd(Malformed(Key("a", "a"), "Expected `str`"), "11"),)))
    assert set(play.told.objects) == set()
    assert play.told.coverage.reason == "not readable: a/bad and 1 more (Expected `int`)"
    play.says(Batch((Put(pod("a", 12)), Odd(bad, "13", deleted=True))))
    assert play.told.coverage == Coverage("given")
    assert set(play.told.objects) == {Key("a", "a")}


def test_any_other_refusal_is_told_and_tried_again_slowly(play: Play) -> None:
    assert play.says(Failed(406, "not acceptable")) == Wait(90.0)
    assert play.told.coverage == Coverage("lost", "not acceptable")


# The property


@dataclass
class Server:
    """A small API server for one kind, with a log to watch and an etcd to compact."""

    objects: dict[Key, Object] = field(default_factory=dict)
    version: int = 1
    log: list[tuple[int, WatchEvent]] = field(default_factory=list)
    compacted: int = 0
    pages: dict[str, tuple[int, list[Object]]] = field(default_factory=dict)
    sent: int = 0  # how far the open watch has been read
    parts: list[Page] = field(default_factory=list)  # of an answer that comes bit by bit

    def change(self, name: str, delete: bool) -> None:
        self.version += 1
        key = Key("a", name)
        if not delete:
            self.objects[key] = pod(name, self.version)
            self.log.append((self.version, Put(self.objects[key])))
        elif key in self.objects:
            del self.objects[key]
            self.log.append((self.version, Delete(pod(name, self.version))))

    def answer(self, request: Request, slow: bool) -> Event:
        match request:
            case List(limit=0):
                objects = list(self.objects.values())
                halves = objects[: len(objects) // 2], objects[len(objects) // 2 :]
                self.parts = [Page(tuple(halves[1]), (), str(self.version))]
                return Page(tuple(halves[0]), partial=True)
            case Read() if self.parts:
                return self.parts.pop()
            case List(continue_="", limit=limit):
                return self._page(self.version, list(self.objects.values()), limit, slow)
            case List(continue_=token, limit=limit):
                version, rest = self.pages[token]
                if version < self.compacted:
                    return Failed(410, "the provided continue parameter is too old")
                return self._page(version, rest, limit, slow)
            case Watch(resource_version=version):
                self.sent = int(version)
                return Opened()
            case Read():
                return self._read()
            case Wait():
                return Waited()
            case Refresh():
                return Refreshed()

    def _page(self, version: int, objects: list[Object], limit: int, slow: bool) -> Page:
        size = 2 if limit else len(objects)
        token = f"{version}/{len(objects)}" if len(objects) > size else ""
        self.pages[token] = (version, objects[size:])
        return Page(tuple(objects[:size]), (), str(version), token, None, 3.0 if slow else 0.1)

    def _read(self) -> Event:
        if self.sent < self.compacted:
            return Batch((Failed(410, "too old resource version"),))
        news = [(version, event) for version, event in self.log if version > self.sent]
        if not news:
            return Batch((Bookmark(str(self.version)),))
        self.sent = news[-1][0]
        return Batch(tuple(event for _, event in news))


FAULTS = {
    "drop": Failed(None, "connection reset"),
    "500": Failed(500, "internal error"),
    "429": Failed(429, "slow down", 1.0),
    "401": Failed(401, "Unauthorized"),
    "403": Failed(403, "forbidden"),
    "404": Failed(404, "not found"),
    "ended": Ended(),
}

acts = st.one_of(
    st.tuples(st.just("change"), st.sampled_from("abcde"), st.booleans()),
    st.tuples(st.sampled_from([*FAULTS, "compact", "cut", "slow", "answer", "answer", "answer"])),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(acts, max_size=40), st.floats(0, 0.99))
def test_after_any_cut_refusal_or_compaction_it_ends_equal_to_a_fresh_list(
    script: list[tuple[object, ...]], jitter: float
) -> None:
    server, told, now = Server(), Told(), NOON
    for name in "abcd":
        server.change(name, False)
    watcher = Watcher(ROUTES, None)
    request = watcher.start()

    def step(event: Event) -> None:
        nonlocal request, now
        now += timedelta(seconds=2)
        changes, request = watcher.step(event, now, jitter)
        told.fold(changes)

    for act in script:
        match act:
            case ("change", str(name), bool(delete)):
                server.change(name, delete)
            case ("compact",):
                server.compacted = server.version
            case (str(),) if server.parts and act != ("answer",) and isinstance(request, Read):
                server.parts.clear()
                step(FAULTS["drop"])
            case ("cut",) if isinstance(request, Read):
                batch = server.answer(request, False)
                assert isinstance(batch, Batch)
                step(Batch((*batch.events[: len(batch.events) // 2], Failed(None, "cut"))))
            case (str(fault),) if fault in FAULTS and not isinstance(request, Wait | Refresh):
                step(FAULTS[fault] if isinstance(request, Read) or fault != "ended" else FAULTS["drop"])
            case _:
                step(server.answer(request, act == ("slow",)))

    for _ in range(60):  # the server is well again
        quiet = isinstance(request, Read) and server.sent >= server.version - 1
        step(server.answer(request, False))
        if quiet and isinstance(request, Read) and told.coverage == Coverage("given"):
            break
    assert told.objects == server.objects
    assert told.coverage == Coverage("given")
