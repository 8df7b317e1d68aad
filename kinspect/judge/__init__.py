"""Runs the rules, one subject at a time, and only where a change may have made a difference.

Theory of operation:

1. A *subject* is an object of a kind that some rule judges. It is *dirty* from the moment when a change may
   concern it (`resolve.touches`) until it has been judged again.
2. `step` judges dirty subjects, the watched ones first and then in order of arrival, until it is told to
   stop; what is left is `pending`. A step always gets one subject further.
3. A rule that lacks a kind it needs is not run: its answer is unknown, with what was missing.
4. Cluster-wide kinds (Nodes, say) concern every subject to which a rule that reads them applies, and what is
   known of a kind concerns every subject of the rules that read it. Such changes run those rules again, not
   all: a dirty subject remembers for which kinds.
5. An answer that quotes evidence found by searching (near-miss labels) depends on objects that are joined to
   nothing. While it stands its subject is judged again when such an object comes, goes or changes labels.
   (4 and 5 are kept in `afar`.)

Whatever the order of changes and steps, the end is the same as judging the last snapshot from nothing. No
clock here: `stop` tells when the time is up.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from kinspect.judge.afar import Searches, Wide
from kinspect.model.coverage import Coverage
from kinspect.model.finding import SEVERITIES, Finding, Judgment, Unknown
from kinspect.model.index import Index
from kinspect.model.meta import Key, Object, Ref
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.touches import touched
from kinspect.rules import CRASH, Rule, answers_of, load


class Judge:
    """Keeps the judgments of all subjects up to date."""

    def __init__(self, rules: tuple[Rule, ...] | None = None) -> None:
        """`rules` None = all that there are."""
        every = load() if rules is None else rules
        self._every = every
        self._reads = {rule.code: rule.reads for rule in every}
        self._rules: dict[str, dict[Callable[[Any], bool], list[Rule]]] = {}
        """Subject kind → which subjects → their rules: many rules apply to the same ones."""
        for rule in every:
            for kind in rule.subjects:
                self._rules.setdefault(kind, {}).setdefault(rule.applies, []).append(rule)
        self._judgments: dict[Ref, Judgment] = {}
        self._published: Mapping[Ref, Judgment] = {}
        self._changed = False
        self._dirty: dict[Ref, frozenset[str] | None] = {}
        """Subject → the kinds whose rules are to be run again; None = all rules."""
        self._watched: tuple[Ref, ...] = ()
        self._wide = Wide(every)
        self._searches = Searches(every)
        self._slices_noted: set[Key] = set()
        self._coverage: dict[str, Coverage] = {}
        self._coverage_noted: set[str] = set()

    @property
    def pending(self) -> int:
        """How many subjects are known to wait for a judgment."""
        return len(self._dirty)

    @property
    def subjects(self) -> frozenset[str]:
        """The kinds that are judged."""
        return frozenset(self._rules)

    def note(self, kind: str, old: Object | None, new: Object | None, index: Index) -> None:
        """Marks the subjects that this change touches. `index`: the one before or after this batch."""
        for ref in touched(kind, old, new, index):
            self._mark(ref, None)
            if ref.kind == "EndpointSlice":
                self._slices_noted.add(ref.key)
        self._wide.note(kind, old, new)
        self._searches.note(kind, old, new)

    def note_read(self, ref: Ref) -> None:
        """Marks an object of a kind that is still being read. Whoever reads the kind is marked at its end."""
        self._dirty[ref] = None

    def note_coverage(self, kind: str) -> None:
        """Says that what is known of a kind may have changed."""
        self._coverage_noted.add(kind)

    def note_all(self, snapshot: Snapshot) -> None:
        """Marks every subject of the snapshot."""
        for kind in self._rules:
            for key in snapshot.of(kind):
                self._mark(Ref(kind, *key), None)

    def note_one(self, ref: Ref) -> None:
        """Marks this subject."""
        self._mark(ref, None)

    def watch(self, refs: Iterable[Ref]) -> None:
        """From now on these subjects come first, in this order."""
        self._watched = tuple(dict.fromkeys(refs))

    def step(self, snapshot: Snapshot, stop: Callable[[], bool]) -> None:
        """Judges dirty subjects as they are in this snapshot until `stop()`; one at least."""
        self._spread(snapshot)
        unsure = {rule.code for rule in self._every if not all(map(snapshot.covers, rule.needs))}
        while self._dirty:
            # Copied in portions: after a large read there are tens of thousands, and a step is short.
            for ref in [ref for ref in self._watched if ref in self._dirty] or list(islice(self._dirty, 64)):
                self._judge(snapshot, ref, self._dirty.pop(ref), unsure)
                if stop():
                    return

    def publish(self) -> Mapping[Ref, Judgment]:
        """All judgments as of now; the same mapping as before if none has changed."""
        if self._changed:
            self._published = dict(self._judgments)
            self._changed = False
        return self._published

    def _mark(self, ref: Ref, kind: str | None) -> None:
        """Makes a subject dirty for the rules that need `kind`, None = for all."""
        if ref.kind in self._rules:
            kinds = self._dirty.get(ref, frozenset())
            self._dirty[ref] = None if kind is None or kinds is None else kinds | {kind}

    def _spread(self, snapshot: Snapshot) -> None:
        """Marks the subjects of what was noted in general, now that they can be looked at."""
        for key in self._slices_noted:
            slice_ = snapshot.slices.get(key)
            if slice_ is not None and slice_.service:
                self._mark(Ref("Service", *slice_.service), None)
        self._slices_noted.clear()
        for ref, kind in self._wide.take():
            self._mark(ref, kind)
        for ref in self._searches.take(snapshot):
            self._mark(ref, None)
        for kind in self._coverage_noted:
            # A growing count is progress to show, and no different answer.
            known = _answering(snapshot.coverage_of(kind))
            if self._coverage.get(kind) != known:
                self._coverage[kind] = known
                self._mark_needing(kind)
        self._coverage_noted.clear()

    def _mark_needing(self, kind: str) -> None:
        concerned = {each for rule in self._every if kind in self._reads[rule.code] for each in rule.subjects}
        for ref in self._judgments if concerned else ():
            if ref.kind in concerned:
                self._mark(ref, kind)

    def _judge(
        self, snapshot: Snapshot, ref: Ref, kinds: frozenset[str] | None, unsure: Container[str]
    ) -> None:
        """Brings one judgment up to date: by all rules, or only by those that need one of `kinds`."""
        subject = snapshot.get(ref)
        before = self._judgments.get(ref)
        if subject is None:
            self._wide.forget(ref)
            self._searches.keep(ref, ())
            self._changed |= self._judgments.pop(ref, None) is not None
            return
        alike = self._rules[ref.kind].items()
        rules = [rule for applies, those in alike if applies(subject) for rule in those]
        answers: list[Finding | Unknown] = []
        if before is None:
            pass  # nothing is kept of it
        elif kinds is None or any(each.code == CRASH for each in before.findings):
            self._wide.forget(ref)
        else:
            rules = [rule for rule in rules if not kinds.isdisjoint(self._reads[rule.code])]
            again = {rule.code for rule in rules}
            answers += [each for each in before.findings if each.code not in again]
            answers += [each for each in before.unknowns if each.code not in again]
        self._wide.keep(ref, rules)
        answers += answers_of(rules, ref, subject, snapshot, unsure)
        self._searches.keep(ref, answers)
        after = _judgment(ref, answers)
        if after != before:
            self._judgments[ref] = after
            self._changed = True


def judgment_of(snapshot: Snapshot, ref: Ref) -> Judgment | None:
    """What the rules say of one subject; None = it is not there, or they say nothing."""
    judge = Judge()
    judge.note_one(ref)
    judge.step(snapshot, lambda: False)
    return judge.publish().get(ref)


def judged(snapshot: Snapshot) -> Snapshot:
    """The snapshot with everything judged."""
    judge = Judge()
    judge.note_all(snapshot)
    judge.step(snapshot, lambda: False)
    return replace(snapshot, judgments=judge.publish(), pending=judge.pending)


def _answering(coverage: Coverage) -> Coverage:
    """The coverage without what changes no answer: how many there are so far, and how old they are.

    The reason is quoted only where something is not covered; a lost connection is no new answer.
    """
    reason = "" if coverage.covers(None) else coverage.reason
    return Coverage(coverage.state, reason, coverage.namespaces)


def _judgment(ref: Ref, answers: list[Finding | Unknown]) -> Judgment:
    if not answers:  # as for nearly all subjects of a cluster that works
        return Judgment(ref)
    answers.sort(key=_order)
    return Judgment(
        ref,
        tuple(each for each in answers if isinstance(each, Finding)),
        tuple(each for each in answers if isinstance(each, Unknown)),
    )


def _order(answer: Finding | Unknown) -> tuple[int, str]:
    """Worst first, then by code."""
    worst = SEVERITIES.index(answer.severity) if isinstance(answer, Finding) else 0
    return worst, answer.code
