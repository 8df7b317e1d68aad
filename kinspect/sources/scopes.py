"""One kind read in several namespaces: the coverages of its machines folded into one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kinspect.model.change import Change, Covered
from kinspect.model.coverage import Coverage


class Scopes:
    """Rewrites what each machine says of its namespace into what can be said of the kind."""

    def __init__(self, expected: Mapping[str, int]) -> None:
        """`expected`: kind → how many machines follow it."""
        self._expected = expected
        self._known: dict[str, dict[int, Coverage]] = {}

    def merged(self, machine: int, changes: tuple[Change, ...]) -> Iterator[Change]:
        """The changes, with coverage for the whole kind."""
        for change in changes:
            if isinstance(change, Covered) and self._expected[change.kind] > 1:
                known = self._known.setdefault(change.kind, {})
                known[machine] = change.coverage
                missing = self._expected[change.kind] - len(known)
                yield Covered(change.kind, merge(tuple(known.values()), missing))
            else:
                yield change


def merge(parts: tuple[Coverage, ...], missing: int = 0) -> Coverage:
    """What is known of a kind when each part covers its own namespaces; `missing` parts said nothing yet."""
    given = [each for each in parts if each.state == "given"]
    loading = [each for each in parts if each.state == "loading"]
    reasons = dict.fromkeys(each.reason for each in parts if each.reason)
    namespaces = tuple(sorted({name for each in given for name in each.namespaces or ()}))
    state = "loading" if loading or missing else "given" if given else parts[0].state
    return Coverage(
        state,
        "; ".join(reasons),
        namespaces,
        sum(each.count for each in loading),
        min((each.as_of for each in given if each.as_of), default=None),
        sum(each.expected for each in loading),
    )
