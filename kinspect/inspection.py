"""Inspection: the only mutable object between the edges and the faces. It folds, indexes, judges, publishes.

Theory of operation:

1. A source says changes. They are folded into dictionaries, the index follows change by change, and the judge
   notes which subjects each change touches. An object that comes again with the same resourceVersion (a list
   after a lost watch) is no change.
2. At most 20 times a second a Snapshot is published; while much is read less often, but without delay when a
   kind has been read to its end. It takes the dictionaries over, and each is copied before its next change:
   any number of old snapshots may be kept, and none ever changes.
3. Between two publications the judge works off what is dirty, for a few milliseconds at a time, so that keys
   and frames never wait for it. `snapshot.pending` tells what it still owes.
4. What went wrong for good (`failure`) is raised to whoever waits, not to whoever runs the tasks.

Everything here happens in one event loop. Freezing the screen is the screen's affair: it keeps a Snapshot.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import takewhile

import msgspec

from kinspect.errors import KinspectError
from kinspect.judge import Judge
from kinspect.model import yaml
from kinspect.model.change import Change, Covered, Remove, Retain, Upsert
from kinspect.model.coverage import NOT_GIVEN, Coverage
from kinspect.model.index import Index, Indexer
from kinspect.model.kinds import KINDS
from kinspect.model.meta import Key, Object, Ref
from kinspect.model.path import Trace
from kinspect.model.snapshot import Snapshot
from kinspect.sources import Detail, Source, memory

PUBLISH_S = 0.05
PUBLISH_LOADING_S = 0.2
JUDGE_S = 0.01
JUDGE_LOADING_S = 0.002
REST_S = 0.004
"""Between two pieces of judging, for keys and frames."""
RECENT_S = 5.0
DETAILS_KEPT = 64


class Inspection:
    """What is known of one cluster or file, kept up to date while `run` runs."""

    def __init__(self, source: Source | None, snapshot: Snapshot | None = None, judging: bool = True) -> None:
        """A live source; or None and the `snapshot` of a file. `judging` False = only read, judge nothing."""
        self.source = source
        self.snapshot = snapshot or Snapshot(source=source.title if source else "", live=source is not None)
        self.failure: KinspectError | None = None
        self._judge = Judge(None if judging else ())
        self._folder = _Folder(self._judge)
        self._judge.note_all(self.snapshot)
        self._published = asyncio.Event()
        self._dirty = asyncio.Event()
        self._whole = asyncio.Event()  # a kind has just been read to its end
        self._ended = False
        self._judged = False
        self._tidy = False  # what reading needed has been given back
        self._details: OrderedDict[tuple[Ref, str, str], Detail] = OrderedDict()

    async def run(self) -> None:
        """Reads, judges and publishes until cancelled, or until there is nothing more to come."""
        self._dirty.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._publish())
            if self.source is None:
                self._end()
            else:
                group.create_task(self._read(self.source))

    async def changed(self, after: Snapshot) -> Snapshot:
        """The newest snapshot as soon as it is not `after`. Raises: KinspectError, what ended the reading."""
        while self.snapshot is after:
            if self.failure is not None:
                raise self.failure
            await self._published.wait()
        return self.snapshot

    async def loaded(self) -> Snapshot:
        """The first snapshot with every kind settled and everything judged. Raises: KinspectError."""
        while self.snapshot.pending or not self._settled():
            await self.changed(self.snapshot)
        return self.snapshot

    def watch(self, refs: Iterable[Ref]) -> None:
        """These subjects are on screen: they are judged first."""
        self._judge.watch(refs)

    async def detail(self, ref: Ref) -> Detail:
        """The object in full, asked once for each of its versions; without a source what the facts hold."""
        fact = self.snapshot.get(ref)
        if fact is None:
            return Detail("", (), True, f"{ref} is not there any more.")
        if self.source is None:
            return Detail(
                _kept_yaml(ref.kind, fact), (), True, "Only the fields that a snapshot keeps; no events."
            )
        wanted = (ref, fact.metadata.uid, fact.metadata.resource_version)
        found = self._details.get(wanted)
        if found is None:
            found = await self.source.detail(ref)
            if not found.partial:
                self._details[wanted] = found
                while len(self._details) > DETAILS_KEPT:
                    self._details.popitem(last=False)
        return found

    async def vantages(self) -> tuple[str, ...]:
        """The places on this machine from which `trace` can start."""
        from kinspect.asks.trace import vantages

        return await vantages(self.snapshot)

    async def trace(self, target: str, vantage: str, namespace: str) -> Trace:
        """What packets from the vantage to the target do now. Raises: KinspectError, why none were sent."""
        from kinspect.asks.trace import TraceAsk, trace

        return (await trace(self.snapshot, TraceAsk(target, vantage, namespace))).trace

    def _settled(self) -> bool:
        if self.source is None:
            return self._judged
        states = {self.snapshot.coverage_of(kind).state for kind in self.source.kinds}
        return states.isdisjoint(("loading", "not given"))

    async def _read(self, source: Source) -> None:
        rested = time.monotonic()
        try:
            async for changes in source.changes():
                self._folder.fold(changes, self.snapshot.index)
                self._dirty.set()
                if any(isinstance(each, Retain) for each in changes):
                    self._whole.set()
                if time.monotonic() - rested > JUDGE_S / 2:
                    await asyncio.sleep(0)  # a full hand-over must not keep keys and frames waiting
                    rested = time.monotonic()
        except KinspectError as error:
            self.failure = error
        finally:
            self._end()

    def _end(self) -> None:
        self._ended = True
        self._dirty.set()

    async def _publish(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            began, loading = time.monotonic(), self._folder.loading
            fresh = self._folder.publish(self.snapshot, began)
            self._judge.step(fresh, _after(JUDGE_LOADING_S if loading else JUDGE_S))
            next_at = began + (PUBLISH_LOADING_S if loading else PUBLISH_S)
            while not loading and self._judge.pending and time.monotonic() < next_at - JUDGE_S:
                await asyncio.sleep(REST_S)
                if self._dirty.is_set():
                    break  # what the judge has noted meanwhile is about a newer snapshot than this
                self._judge.step(fresh, _after(JUDGE_S))
            pending = self._judge.pending
            self.snapshot = replace(fresh, judgments=self._judge.publish(), pending=pending)
            self._judged = not pending
            waiting, self._published = self._published, asyncio.Event()
            waiting.set()
            if not self._tidy and self._settled() and not pending:
                memory.give_back()
                self._tidy = True
            if pending:
                self._dirty.set()
            elif self._ended and not self._dirty.is_set():
                return
            await asyncio.sleep(max(began + PUBLISH_S - time.monotonic(), REST_S))
            if loading:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(next_at - time.monotonic(), 0)):
                        await self._whole.wait()
            self._whole.clear()


class _Folder:
    """Changes → objects, coverage and index; remembers which dictionaries have changed since publishing."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._subjects = judge.subjects
        self._objects: dict[str, dict[Key, Object]] = {kind: {} for kind in KINDS}
        """What is published is handed over: a dictionary is copied before its first change after that."""
        self._coverage: dict[str, Coverage] = {}
        self._indexer = Indexer()
        self._recent: dict[Ref, float] = {}  # the newest last
        self._changed: set[str] = set()  # kinds whose objects have changed
        self._told = False  # something about coverage

    @property
    def loading(self) -> bool:
        """Whether a first list is still on its way."""
        return any(each.state == "loading" for each in self._coverage.values())

    def fold(self, changes: tuple[Change, ...], index: Index) -> None:
        """Takes the changes in. `index` is the published one: all changes since then count as one batch."""
        for change in changes:
            kind = change.kind
            match change:
                case Upsert(objects=objects):
                    self._upsert(kind, objects, index)
                case Remove(keys=keys):
                    self._remove(kind, keys, index)
                case Retain(namespace=namespace, keys=kept):
                    gone = self._objects[kind].keys() - kept
                    inside = [key for key in gone if namespace is None or key.namespace == namespace]
                    self._remove(kind, inside, index)
                case Covered(coverage=coverage):
                    self._coverage[kind] = coverage
                    self._told = True
                    self._judge.note_coverage(kind)

    def publish(self, before: Snapshot, now: float) -> Snapshot:
        """The snapshot as of now, with the judgments of the one before. What has not changed is shared."""
        fresh = before
        if self._changed:
            changed = {kind: self._objects[kind] for kind in self._changed}
            fresh = replace(fresh, objects={**before.objects, **changed}, index=self._indexer.publish())
        if self._told:
            fresh = replace(fresh, coverage=dict(self._coverage))
        if self._recent or before.recent:
            for ref in list(takewhile(lambda ref: now - self._recent[ref] >= RECENT_S, self._recent)):
                del self._recent[ref]
            fresh = replace(fresh, recent=dict(self._recent))
        self._changed.clear()
        self._told = False
        return replace(fresh, taken_at=datetime.now(UTC)) if before.live else fresh

    def _upsert(self, kind: str, objects: tuple[Object, ...], index: Index) -> None:
        of_kind, apply, judge = self._objects[kind], self._indexer.apply, self._judge
        known = self._coverage.get(kind, NOT_GIVEN).state == "given"
        judged = kind in self._subjects
        now = time.monotonic()
        for new in objects:
            key = new.key
            old = of_kind.get(key)
            if old is not None:
                version = new.metadata.resource_version
                if version and old.metadata.resource_version == version:
                    continue
            of_kind = self._writable(kind)
            of_kind[key] = new
            apply(kind, old, new, key)
            if known:
                judge.note(kind, old, new, index)
                ref = Ref(kind, *key)
                self._recent.pop(ref, None)
                self._recent[ref] = now
            elif judged:
                judge.note_read(Ref(kind, *key))

    def _remove(self, kind: str, keys: Iterable[Key], index: Index) -> None:
        for key in keys:
            old = self._objects[kind].get(key)
            if old is not None:
                del self._writable(kind)[key]
                self._indexer.apply(kind, old, None)
                self._judge.note(kind, old, None, index)
                self._recent.pop(Ref(kind, *key), None)

    def _writable(self, kind: str) -> dict[Key, Object]:
        """The objects of a kind to change, copied first if a snapshot holds them."""
        if kind not in self._changed:
            self._changed.add(kind)
            self._objects[kind] = dict(self._objects[kind])
        return self._objects[kind]


def _after(seconds: float) -> Callable[[], bool]:
    """Whether this much time has passed from now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def _kept_yaml(kind: str, fact: Object) -> str:
    head = {"apiVersion": KINDS[kind].versions[0], "kind": kind}
    return yaml.dump({**head, **msgspec.to_builtins(fact)})
