"""What is known of a kind: whether an empty dictionary means "there are none" or "nobody could look"."""

from __future__ import annotations

from typing import Literal

from kinspect.model.meta import Fact

State = Literal["given", "loading", "absent", "denied", "not given", "lost"]


class Coverage(Fact, frozen=True):
    """How far one kind is known.

    - given: all objects in scope are here; watched, or complete in the file.
    - absent: the server has no such kind (no Gateway API, say), so there are surely none.
    - loading: some pages are here, the rest is on its way: `count` of about `expected` (0 = not told).
    - denied: the user may not list it; not given: no file contained it; lost: it could not be read.

    `namespaces` None = everywhere; otherwise only these namespaces were read. `reason` is for the person.
    `as_of` (RFC 3339) is set while the watch is broken: what is shown was true then.
    """

    state: State = "not given"
    reason: str = ""
    namespaces: tuple[str, ...] | None = None
    count: int = 0
    as_of: str | None = None
    expected: int = 0

    def covers(self, namespace: str | None) -> bool:
        """Whether an absence here is a proof. `namespace` None asks about every namespace at once."""
        if self.state == "absent":
            return True
        if self.state != "given":
            return False
        return self.namespaces is None or (namespace is not None and namespace in self.namespaces)


NOT_GIVEN = Coverage()
