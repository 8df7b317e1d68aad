"""The list/watch machine: what is known of one kind in one scope, kept equal to the server's.

Theory of operation (Kubernetes API concepts; client-go reflector.go):

1. A Watcher asks for one thing at a time (a request) and is told what came of it (an event). `step` answers
   with the changes to publish and the next request. There is no I/O, no clock and no chance in here: `now`
   and `jitter` (0 ≤ jitter < 1) are arguments, waiting is a request.
2. First a list in pages of 500 without a resourceVersion: consistent, first rows at once. The objects of each
   page are published as they come; when the last has come, a Retain removes what is no longer there.
3. A server whose first page takes more than 2 s is asked for the rest with `resourceVersion=0`: all at once
   from its cache. That may be old, which is said until the watch has passed the first page's version. Such an
   answer is large: it comes in parts, which are published as they arrive.
4. Then a watch from the list's resourceVersion, with bookmarks. Every event moves the version on. When the
   server ends a watch, the next begins where it left off: nothing can fall between.
5. 410 has two shapes. On a list (HTTP status; the page token is too old) it would offer an *inconsistent*
   remainder, so the list starts again, in one piece. In a watch (ERROR event) the list starts again too.
6. 429, 5xx and lost connections repeat the same request, after Retry-After or a doubling pause, with jitter.
   Retry-After counts for no more than a minute: nobody can make us wait for ever, or not at all.
   Meanwhile what was known stays, marked with the time when it was true (`as_of`).
7. 401 refreshes the credentials once; again 401 is bad news, tried again slowly. 403 falls back to one
   namespace where there is one, else the kind is denied. A kind that may be listed but not watched is
   listed again and again; one whose watch was allowed once is listed at once. All of these are retried
   slowly: where only one namespace may be read, its watches are short, and after each the whole cluster is
   asked for. Whatever but a page comes of that, the namespace goes on where it was; a page widens the view.
8. 404 tries the kind's other versions; then the kind is absent, and looked for slowly: it may be installed
   later, and a kind that was there may go. The core group always exists, so there 404 means: not Kubernetes.
9. Versions of one server never go back. If they do it was restored or replaced: the list starts again.
10. An object that does not decode is left out and named in the coverage's reason; the others stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from kinspect.model.change import Change, Remove, Retain, Upsert
from kinspect.model.coverage import State
from kinspect.model.kinds import Kind
from kinspect.model.meta import Key, Object
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
)
from kinspect.sources.standing import Standing

PAGE = 500
FAILURES_UNTIL_LOST = 4
LONGEST_RETRY_AFTER_S = 60.0


class Pace(NamedTuple):
    """How patient the machine is, in seconds. Tests are in more of a hurry."""

    slow_page_s: float = 2.0
    fast_page_s: float = 0.5
    """A page that came within this time makes the next one worth asking for at once (`pages`)."""
    first_pause_s: float = 0.8
    longest_pause_s: float = 30.0
    slow_retry_s: float = 60.0
    shortest_watch_s: float = 1.0
    watch_s: int = 300
    asks_again: bool = True
    """Whether a request without any answer is repeated before its kind counts as lost."""


PACE = Pace()


class Step(NamedTuple):
    changes: tuple[Change, ...]
    request: Request


class Watcher:
    """Follows one kind, in `namespace` (None = all). `fallback` is where to go when all may not be read."""

    def __init__(
        self, kind: Kind, namespace: str | None, fallback: str | None = None, pace: Pace = PACE
    ) -> None:
        self.kind = kind
        self._standing = Standing(kind.name, namespace if kind.namespaced else None)
        self._fallback = fallback if kind.namespaced and namespace is None else None
        self.pace = pace
        self._version = 0  # which of kind.versions
        self._keys: set[Key] = set()  # of the list that is under way
        self._begun = False  # a part of an answer is here
        self._resource_version = ""
        self._catch_up_to = ""  # the version that a list from the cache has still to reach
        self._failures = 0  # in a row
        self._refreshed = False  # the credentials, since the last success
        self._opened_at: datetime | None = None
        self._narrow: List | Watch | None = None  # what goes on if the whole cluster is refused once more
        self._asked: List | Watch = self._begin()

    @property
    def version(self) -> str:
        """The version of the kind that is asked for."""
        return self.kind.versions[self._version]

    def start(self) -> Request:
        """The first request."""
        return self._asked

    def step(self, event: Event, now: datetime, jitter: float) -> Step:
        """What follows from what came of the last request."""
        match event:
            case Page():
                return self._on_page(event, now, jitter)
            case Batch():
                return self._on_batch(event, now, jitter)
            case Opened():
                self._opened_at = self._standing.true_at = now
                return Step(self._standing.say("given"), Read())
            case Ended():
                return self._on_ended(now, jitter)
            case Failed():
                return self._on_failed(event, jitter)
            case Waited():
                return Step((), self._asked)
            case Refreshed():
                return self._on_refreshed(event, jitter)

    # Lists

    def _begin(self, limit: int = PAGE) -> List:
        """The first request of a new list."""
        self._keys = set()
        self._catch_up_to = ""
        return List(self.version, self._standing.scope, limit)

    def _on_page(self, page: Page, now: datetime, jitter: float) -> Step:
        assert isinstance(self._asked, List)
        asked, first = self._asked, not self._asked.continue_ and not self._begun
        if page.continue_ and page.continue_ == asked.continue_:
            return self._on_trouble(Failed(None, "the server gives the same page again and again"), jitter)
        self._succeeded(now)
        if self._narrow is not None:
            self._narrow, self._standing.scope, self._standing.narrowed = None, None, ""
            self._standing.complete = False  # of what is asked for now, this is the first page
        self._begun = page.partial
        self._keys.update(each.key for each in page.objects)
        if first:
            self._keys = {each.key for each in page.objects}
            self._standing.malformed.clear()
        self._standing.malformed.update(page.malformed)
        found: tuple[Change, ...] = (Upsert(self.kind.name, page.objects),) if page.objects else ()
        if page.partial:
            return Step(found + self._progress(page), Read())
        if page.continue_:
            progress = self._progress(page)
            if first and page.took_s > self.pace.slow_page_s:
                self._keys, self._catch_up_to = set(), page.resource_version
                self._asked = asked._replace(limit=0, resource_version="0")
            else:
                self._asked = asked._replace(continue_=page.continue_)
            return Step(found + progress, self._asked)
        retain = Retain(self.kind.name, self._standing.scope, frozenset(self._keys))
        self._standing.complete, self._keys = True, set()
        self._moved_to(page.resource_version)
        self._asked = self._watch(jitter)
        return Step((*found, retain, *self._standing.say("given")), self._asked)

    def _progress(self, page: Page) -> tuple[Change, ...]:
        """How far a first list has come. A later one is not told: what it repeats is already shown."""
        if self._standing.complete:
            return ()
        count = len(self._keys)
        return self._standing.loading(count, count + page.remaining if page.remaining else 0)

    # Watches

    def _watch(self, jitter: float) -> Watch:
        longest_s = self.pace.slow_retry_s if self._standing.narrowed else self.pace.watch_s
        timeout_s = max(1, int(min(longest_s, self.pace.watch_s) * (1 + jitter)))
        return Watch(self.version, self._standing.scope, self._resource_version, timeout_s)

    def _wider(self, narrow: List | Watch) -> List | Watch:
        """What to ask when there is time for it: the whole cluster, if only one namespace could be read."""
        if not self._standing.narrowed:
            return narrow
        self._narrow = narrow
        return List(self.version, None, PAGE)

    def _on_batch(self, batch: Batch, now: datetime, jitter: float) -> Step:
        latest: dict[Key, Object | None] = {}
        failed: Failed | None = None
        for event in batch.events:
            if isinstance(event, Failed):
                failed = event
                break
            if not _reached(_version_of(event), self._resource_version):
                failed = Failed(410, "the server's versions went back")
                break
            self._succeeded(now)
            self._fold(event, latest)
        changes = (*_changes(self.kind.name, latest), *self._standing.say("given"))
        if failed is None:
            return Step(changes, Read())
        after = self._on_failed(failed, jitter)
        return Step(changes + after.changes, after.request)

    def _fold(self, event: Put | Delete | Odd | Bookmark, latest: dict[Key, Object | None]) -> None:
        malformed = self._standing.malformed
        match event:
            case Put(found) | Delete(found):
                latest[found.key] = found if isinstance(event, Put) else None
                malformed.pop(found.key, None)
            case Odd(odd, _, deleted):
                latest[odd.key] = None
                malformed.pop(odd.key, None)
                if not deleted:
                    malformed[odd.key] = odd.problem
        self._moved_to(_version_of(event) or self._resource_version)

    def _moved_to(self, version: str) -> None:
        self._resource_version = version
        if _reached(version, self._catch_up_to):
            self._catch_up_to = ""
        self._standing.catching_up = bool(self._catch_up_to)

    def _on_ended(self, now: datetime, jitter: float) -> Step:
        self._asked = self._watch(jitter)
        opened_at = self._opened_at or now
        if (now - opened_at).total_seconds() >= self.pace.shortest_watch_s:
            self._succeeded(now)
            self._asked = self._wider(self._asked)
            return Step((), self._asked)
        # A server that ends watches at once must not be asked in a tight circle.
        return Step((), self._pause(self._asked, None, jitter))

    # Failures

    def _succeeded(self, now: datetime) -> None:
        self._failures, self._refreshed, self._standing.true_at = 0, False, now

    def _on_failed(self, failed: Failed, jitter: float) -> Step:
        self._begun = False
        status = failed.status
        if self._narrow is not None and status != 401:
            self._asked, self._narrow = self._narrow, None
            return Step((), self._asked)
        if status is None or status == 429 or status >= 500:
            return self._on_trouble(failed, jitter)
        if status == 401:
            return self._on_unauthorized(failed.message, jitter)
        if status == 403 or (status == 405 and isinstance(self._asked, Watch)):
            return self._on_forbidden(failed.message, jitter)
        if status == 404:
            return self._on_not_found(failed.message, jitter)
        if status == 410:
            return self._on_expired(jitter)
        return Step(self._standing.stale(failed.message), self._slowly(self._begin(), jitter))

    def _on_expired(self, jitter: float) -> Step:
        # A page token that was too old would be so again: the second time everything in one answer.
        again = self._begin(0 if isinstance(self._asked, List) else PAGE)
        known = self._standing.stale("reading again") if self._standing.complete else ()
        return Step(known, self._pause(again, None, jitter))

    def _on_trouble(self, failed: Failed, jitter: float) -> Step:
        """The server, or the way to it, has trouble: the same again, a little later."""
        again, many = self._asked, self._failures >= FAILURES_UNTIL_LOST
        enough = failed.status is None and not self.pace.asks_again
        if isinstance(again, Watch):
            # A watch that keeps failing may fail because of its version: a list has none.
            again = self._begin() if many else self._watch(jitter)
        told = many or enough or self._standing.complete
        why = failed.message if enough else f"reconnecting: {failed.message}"
        known = self._standing.stale(why) if told else ()
        return Step(known, self._pause(again, failed.retry_after_s, jitter))

    def _on_unauthorized(self, message: str, jitter: float) -> Step:
        if not self._refreshed:
            self._refreshed = True
            return Step((), Refresh())
        return self._on_refreshed(Refreshed(f"the credentials are not accepted: {message}"), jitter)

    def _on_refreshed(self, refreshed: Refreshed, jitter: float) -> Step:
        if not refreshed.problem:
            return Step((), self._asked)
        self._refreshed = False
        return Step(self._standing.stale(refreshed.problem), self._slowly(self._asked, jitter))

    def _on_forbidden(self, message: str, jitter: float) -> Step:
        if isinstance(self._asked, Watch):
            if self._opened_at is not None:  # it was allowed once: a list tells at once what still is
                self._opened_at, self._asked = None, self._begin()
                return Step(self._standing.stale("reading again"), self._asked)
            polled = f"may be listed but not watched, read again every {self.pace.slow_retry_s:.0f} s"
            return Step(self._standing.stale(polled), self._slowly(self._wider(self._begin()), jitter))
        if self._fallback is not None and self._standing.scope is None:
            # What was seen elsewhere, while that was allowed, is not known any more.
            nothing = Retain(self.kind.name, None, frozenset())
            self._standing.scope, self._standing.narrowed = self._fallback, message
            self._asked = self._begin()
            return Step((nothing,), self._asked)
        if self._standing.narrowed:  # not even there: next time the whole cluster may be allowed
            self._standing.scope, self._standing.narrowed = None, ""
        return Step(self._gone("denied", message), self._slowly(self._begin(), jitter))

    def _on_not_found(self, message: str, jitter: float) -> Step:
        if self._version + 1 < len(self.kind.versions):
            self._version += 1
            self._asked = self._begin()
            return Step((), self._asked)
        self._version = 0
        if self.kind.group == "":
            lost = self._standing.stale(f"the server does not know {self.kind.plural}: {message}")
            return Step(lost, self._slowly(self._begin(), jitter))
        return Step(self._gone("absent"), self._slowly(self._begin(), jitter))

    def _gone(self, state: State, reason: str = "") -> tuple[Change, ...]:
        """Nothing of this kind is here any more."""
        self._standing.complete = False
        self._standing.malformed.clear()
        nothing = Retain(self.kind.name, self._standing.scope, frozenset())
        told = self._standing.say(state, reason)
        return (nothing, *told) if told else ()

    def _pause(self, after: List | Watch, retry_after_s: float | None, jitter: float) -> Wait:
        self._asked = after
        pause_s = min(self.pace.first_pause_s * 2**self._failures, self.pace.longest_pause_s)
        self._failures = min(self._failures + 1, 10)
        if retry_after_s is not None and retry_after_s > 0:
            pause_s = min(retry_after_s, LONGEST_RETRY_AFTER_S)
        return Wait(pause_s * (1 + jitter))

    def _slowly(self, after: List | Watch, jitter: float) -> Wait:
        self._asked = after
        return Wait(self.pace.slow_retry_s * (1 + jitter))


def _changes(kind: str, latest: dict[Key, Object | None]) -> Iterator[Change]:
    """The net effect of a batch: each key has one last state, so the order within it is of no account."""
    put = tuple(each for each in latest.values() if each is not None)
    gone = tuple(key for key, each in latest.items() if each is None)
    if put:
        yield Upsert(kind, put)
    if gone:
        yield Remove(kind, gone)


def _version_of(event: Put | Delete | Odd | Bookmark) -> str:
    if isinstance(event, Put | Delete):
        return event.object.metadata.resource_version
    return event.resource_version


def _reached(version: str, goal: str) -> bool:
    """Whether `version` is `goal` or later. They compare as numbers; where they are none, it is believed."""
    if not (version.isdecimal() and goal.isdecimal()):
        return True
    return int(version) >= int(goal)
