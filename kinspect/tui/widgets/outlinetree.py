"""A tree of the outline, from one perspective."""

from __future__ import annotations

from time import monotonic

from kinspect.model.meta import Ref
from kinspect.outline.perspectives import Perspective
from kinspect.tui.branches import Matching, OutlineBranches, Question
from kinspect.tui.forest import REST
from kinspect.tui.places import path_to
from kinspect.tui.views import Shown
from kinspect.tui.widgets.tree import TreeView


class OutlineTree(TreeView):
    """Knows where an object stands, and asks which ones match a filter only as often as that is cheap."""

    def __init__(self, perspective: Perspective, open_depth: int) -> None:
        super().__init__(self._branches, open_depth)
        self._perspective = perspective
        self._matching: Matching | None = None
        self._matching_due = 0.0

    def _branches(self, shown: Shown) -> OutlineBranches:
        question = Question(self._perspective, shown.namespace, shown.wanted, shown.order)
        return OutlineBranches(shown.snapshot, question, self._match(shown))

    def _match(self, shown: Shown) -> Matching:
        """What matches the filter; of an older snapshot, where asking again would take too much time."""
        now, known = monotonic(), self._matching
        if known is None or known.wanted != shown.wanted or now >= self._matching_due:
            known = self._matching = Matching.of(shown.snapshot, shown.wanted)
            self._matching_due = now + REST * (monotonic() - now)
        return known

    def reveal(self, ref: Ref) -> bool:
        shown = self.shown
        path = path_to(shown.snapshot, self._perspective, ref) if shown else []
        return self.go_along(path)
