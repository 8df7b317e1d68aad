"""What the screen says about itself: where it looks, how far it has read, and why there is nothing to see.

Pure: snapshots and times in, spans and lines out. Empty, loading, denied, lost and stale are different words.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from kinspect.errors import KinspectError
from kinspect.model.finding import State
from kinspect.model.kinds import KINDS
from kinspect.model.meta import Key
from kinspect.model.snapshot import Snapshot
from kinspect.outline.rows import GLYPH, STATE_ROLE, Span
from kinspect.outline.summary import NEEDED, Summary, alike
from kinspect.tui.feed import Feed

NAMED = 3
"""So many of the kinds that are hidden for one reason are named: there is one line for all."""

STATES: tuple[State, ...] = ("broken", "degraded", "unknown", "ok")


class Heading(NamedTuple):
    """What the header says.

    `views` are (key, title, whether it is shown); `gaps` says under labels what cannot be known.
    """

    source: str
    narrowed: tuple[Span, ...]
    liveness: Span
    views: tuple[tuple[str, str, bool], ...]
    counts: tuple[Span, ...]
    progress: tuple[Span, ...]
    gaps: tuple[tuple[str, str], ...]


def heading(
    feed: Feed, found: Summary | None, narrowed: tuple[Span, ...], views: tuple[tuple[str, str, bool], ...]
) -> Heading:
    """The header of what is shown; `found` None = there is nothing to show yet."""
    shown = feed.shown
    return Heading(
        source=shown.source if shown else "",
        narrowed=narrowed,
        liveness=liveness(shown, found, feed.frozen, feed.error),
        views=views,
        counts=counts(shown, found) if shown and found else (),
        progress=progress(found) if found else (),
        gaps=gaps(found) if found else (),
    )


def narrowed(namespace: str | None, order: str, following: bool) -> tuple[Span, ...]:
    """What is left of the whole, in which order, as the header says it."""
    where = Span(namespace, "accent") if namespace else Span("all namespaces", "dim")
    ordered = "" if order == "name" else order if order.endswith("first") else f"by {order}"
    return where, Span(ordered, "accent"), Span("following" if following else "", "accent")


def narrowing(shown: Snapshot | None, namespace: str | None, filter_text: str) -> str:
    """The same within a sentence; "" if nothing is left out."""
    gone = namespace and shown and shown.covers("Namespace") and Key("", namespace) not in shown.namespaces
    parts = (
        f"namespace {namespace}{', which does not exist' if gone else ''}" if namespace else "",
        f"the filter “{filter_text}”" if filter_text else "",
    )
    return " and ".join(filter(None, parts))


def counts(snapshot: Snapshot, found: Summary) -> tuple[Span, ...]:
    """How many Services are in which state, worst first.

    None broken is said too, because it is an answer; nothing is said while no Service could be known.
    """
    if not found.services and snapshot.coverage_of("Service").state != "given":
        return ()
    return tuple(
        Span(
            f"{GLYPH[state]} {found.states.get(state, 0):,} {state}",
            STATE_ROLE[state] if found.states.get(state) else "dim",
        )
        for state in STATES
        if found.states.get(state) or state in ("broken", "ok")
    )


def progress(found: Summary) -> tuple[Span, ...]:
    """What is still being read, and how many objects are still to be judged."""
    spans = [Span(f"reading {_plural(kind)}: {count:,}", "accent") for kind, count in found.loading]
    if found.pending:
        spans.append(Span(f"judging {found.pending:,}", "accent"))
    return tuple(spans)


def liveness(
    snapshot: Snapshot | None, found: Summary | None, frozen: bool, error: KinspectError | None
) -> Span:
    """Whether what is on the screen is true now, and if not, since when."""
    if error is not None:
        return Span("no connection", "broken")
    if snapshot is None or found is None or not snapshot.coverage:
        return Span("connecting…", "accent")
    if frozen:
        return Span(f"frozen at {clock(snapshot.taken_at)}", "degraded")
    if found.as_of:
        why = [each.reason for each in found.hidden if each.stale]
        followed = not why or any(each.startswith(("reconnecting", "reading again")) for each in why)
        what = "reconnecting" if followed else "not followed"
        return Span(f"as of {clock(datetime.fromisoformat(found.as_of))}, {what}", "broken")
    if snapshot.live:
        return Span(f"live, last change {clock(snapshot.taken_at)}", "ready")
    return Span(f"recorded {snapshot.taken_at.astimezone():%Y-%m-%d %H:%M}", "dim")


def clock(time: datetime) -> str:
    """The time of day where the person sits."""
    return f"{time.astimezone():%H:%M:%S}"


def gaps(found: Summary) -> tuple[tuple[str, str], ...]:
    """(label, words) of what is not up to date, which is news, and of what is not known at all.

    The kinds that matter most come first.
    """
    labelled: dict[bool, list[str]] = {}
    for group, words in alike(sorted(found.hidden, key=lambda hidden: hidden.kind not in NEEDED)):
        words = (group[0].reason or words) if len(group) == 1 else words
        named = kinds([each.kind for each in group], NAMED)
        labelled.setdefault(group[0].stale, []).append(f"{named}: {words}")
    labels = {False: "not known", True: "not up to date"}
    return tuple((labels[stale], "  ".join(parts)) for stale, parts in sorted(labelled.items(), reverse=True))


def nothing(
    snapshot: Snapshot | None, error: KinspectError | None, narrowed: str, says: str
) -> tuple[str, ...]:
    """Why a view has no rows, and what to do. `narrowed` as `narrowing` says it."""
    if error is not None:
        hint = (error.hint,) if error.hint else ()
        return "No connection", error.message, *hint, "r tries again, x chooses another context, q leaves."
    if snapshot is None or not snapshot.coverage:
        return ("Connecting…", "The first rows come as soon as the API server answers.")
    services = snapshot.coverage_of("Service")
    if services.state == "denied":
        return (
            "Not permitted to list Services",
            services.reason,
            "kinspect NAMESPACE looks at one namespace; x chooses another context.",
        )
    if services.state == "lost":
        return ("The connection is lost", services.reason, "Reconnecting. q leaves.")
    loading = [(kind, each.count) for kind, each in snapshot.coverage.items() if each.state == "loading"]
    if loading:
        return ("Reading…", *(f"{_plural(kind)}: {count:,} so far" for kind, count in loading))
    if narrowed:
        return (
            "Nothing here matches",
            f"Narrowed by {narrowed}.",
            "Esc clears the filter, n chooses the namespace.",
        )
    return (says,)


def kinds(names: Sequence[str], shown: int | None = None) -> str:
    """Kinds as one speaks of their objects; of many only so many, and how many more."""
    told = names if shown is None or len(names) <= shown + 1 else names[:shown]
    more = f" and {len(names) - len(told)} more" if len(told) < len(names) else ""
    return ", ".join(_plural(each) for each in told) + more


def _plural(kind: str) -> str:
    known = KINDS.get(kind)
    return known.plural if known else kind
