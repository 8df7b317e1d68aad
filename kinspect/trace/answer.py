"""Runs and predictions become the answer to the person: paths with their shares, a verdict, a headline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from kinspect.model.path import At, Cause, Divergence, Hop, Large, Path, Served, Trace, Unseen, Verdict
from kinspect.trace.compare import predicted_hops
from kinspect.trace.expected import Alternative
from kinspect.trace.run import Run
from kinspect.trace.sighting import Place
from kinspect.trace.target import Target

_WORST: tuple[Verdict, ...] = ("dropped", "refused", "unknown", "delivered")


def answer(
    target: Target,
    vantage: str,
    method: str,
    runs: Sequence[Run],
    unseen: Mapping[Place, str],
    lost: int,
    causes: Sequence[Cause] = (),
) -> Trace:
    """What these runs tell together. The verdict is the worst of them, the backend the commonest one's."""
    groups: list[tuple[object, list[Run]]] = []
    for run in runs:
        likeness = _likeness(run)
        same = next((group for other, group in groups if other == likeness), None)
        if same is None:
            groups.append((likeness, [run]))
        else:
            same.append(run)
    ordered = sorted((group for _, group in groups), key=len, reverse=True)
    paths = tuple(Path(len(group) / len(runs), group[0].hops) for group in ordered)
    divergence = _divergence([group[0] for group in ordered], causes)
    return Trace(
        target=target.text,
        vantage=vantage,
        method=method,
        verdict=min((run.verdict for run in runs), key=_WORST.index),
        backend=ordered[0][0].backend,
        paths=paths,
        divergence=divergence,
        unseen=_told(unseen),
        lost=lost,
        causes=tuple(causes),
        notes=tuple(dict.fromkeys(note for run in runs for note in _notes(run, target))),
        large=_worst_large(runs),
    )


def _worst_large(runs: Iterable[Run]) -> Large | None:
    tried = (run.large for run in runs if run.large is not None)
    return min(tried, key=lambda each: _WORST.index(each.verdict), default=None)


def predicted(target: Target, vantage: str, alternatives: Sequence[Alternative]) -> Trace:
    """The answer without sending anything: every alternative is a path of hops that nobody saw yet."""
    paths = []
    likely = [each for each in alternatives if each.share]
    for each in likely:
        hops: list[Hop] = []
        for visit in each.visits:
            hops += predicted_hops(visit)
        paths.append(Path(each.share, tuple(hops)))
    outcomes = {each.outcome for each in likely}
    verdicts: dict[str, Verdict] = {"delivered": "delivered", "refused": "refused", "silent": "dropped"}
    verdict = verdicts.get(outcomes.pop(), "unknown") if len(outcomes) == 1 else "unknown"
    return Trace(
        target=target.text,
        vantage=vantage,
        method="prediction",
        verdict=verdict,
        backend=_only_backend(likely),
        paths=tuple(paths),
        divergence=None,
        unseen=(),
        lost=0,
        notes=tuple(dict.fromkeys(each.because for each in likely)),
    )


def _only_backend(alternatives: Sequence[Alternative]) -> Served | None:
    found = {each.backend for each in alternatives}
    backend = found.pop() if len(found) == 1 else None
    if backend is None:
        return None
    pod = f"{backend.pod.namespace}/{backend.pod.name}" if backend.pod else ""
    return Served(backend.address, backend.port or 0, pod, backend.node or "")


def _notes(run: Run, target: Target) -> list[str]:
    notes = [run.note] if run.note else []
    if target.service is not None and _by_a_stranger(run):
        notes.append("it was answered, and no place of the cluster saw it: something else has this address")
    if run.alternative is not None and run.alternative.share == 0.0 and run.parting is None:
        notes.append(run.alternative.because)
    elif run.verdict != "delivered" and run.parting is None and run.alternative is not None:
        notes.append(f"as predicted: {run.alternative.because}")
    elif run.parting is not None and run.alternative is not None and run.alternative.outcome == "unknown":
        notes.append(run.alternative.because)
    return notes


def _by_a_stranger(run: Run) -> bool:
    """Whether a packet that should have met the cluster was answered, and was seen at its own place only."""
    unforeseen = run.alternative is not None and run.alternative.outcome == "unknown"
    places = {hop.place for hop in run.hops if hop.matched_by}
    inside = any(place.kind != "declared" for place in places)
    return run.verdict == "delivered" and unforeseen and bool(places) and not inside


def _likeness(run: Run) -> object:
    """What two runs share that took the same path: the places in their order, and what was called there.

    Links inside of a place do not count: a bridge may or may not show a packet that it passes on.
    """
    stays = groupby(run.hops, lambda hop: (hop.direction, hop.place))
    return run.verdict, run.parting and run.parting.seen, [(*key, _called(list(hops))) for key, hops in stays]


def _called(hops: Sequence[Hop]) -> str:
    """The destination with which a request leaves a place; an answer's says nothing new."""
    last = hops[-1]
    return last.dst.address if last.dst and last.direction == "original" else ""


def _divergence(runs: Iterable[Run], causes: Sequence[Cause]) -> Divergence | None:
    for number, run in enumerate(runs):
        if run.parting is not None:
            codes = tuple(dict.fromkeys(cause.code for cause in causes))
            parting = run.parting
            return Divergence(number, parting.hop, parting.expected, parting.seen, codes)
    return None


def _told(unseen: Mapping[Place, str]) -> tuple[Unseen, ...]:
    return tuple(Unseen(At(place.kind, place.name), reason) for place, reason in sorted(unseen.items()))
