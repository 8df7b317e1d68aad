"""What a source says: the only messages between the edges on the left and the inspection in the middle."""

from __future__ import annotations

from kinspect.model.coverage import Coverage
from kinspect.model.meta import Fact, Key, Object


class Upsert(Fact, frozen=True, tag=True):
    """These objects exist and look like this: a page of a list, or ADDED and MODIFIED events."""

    kind: str
    objects: tuple[Object, ...]


class Remove(Fact, frozen=True, tag=True):
    """These objects are gone. Unknown keys are ignored."""

    kind: str
    keys: tuple[Key, ...]


class Retain(Fact, frozen=True, tag=True):
    """A list is complete: objects of this kind (in `namespace`, None = all) with other keys are gone."""

    kind: str
    namespace: str | None
    keys: frozenset[Key]


class Covered(Fact, frozen=True, tag=True):
    """From here on this is how far the kind is known."""

    kind: str
    coverage: Coverage


Change = Upsert | Remove | Retain | Covered
