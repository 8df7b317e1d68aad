"""What the API server does to an object before and after it is stored: defaults, allocation, refusal.

One file per kind with any of the four functions below; a kind without a file is stored as it comes.

- `default(store, new)` writes the fields that a real server writes, in place.
- `allocate(store, old, new)` gives out addresses and ports, in place; `old` is None for a new object.
- `validate(store, old, new)` returns what is wrong, as causes.
- `after(store, old, new)` writes the objects that follow from a write; `new` is None after a deletion.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from kinspect.lab import status
from kinspect.lab.resources import Resource
from kinspect.lab.status import Json

if TYPE_CHECKING:
    from kinspect.lab.store import Store

_MODULES: dict[str, ModuleType] = {}


def admit_new(store: Store, resource: Resource, new: Json) -> None:
    """Completes a new object in place. Raises Invalid."""
    _admit(store, resource, None, new)


def admit_change(store: Store, resource: Resource, old: Json, new: Json) -> None:
    """Completes a changed object in place. Raises Invalid."""
    _admit(store, resource, old, new)


def after(store: Store, resource: Resource, old: Json | None, new: Json | None) -> None:
    """Writes what follows from a write."""
    module = _MODULES.get(resource.kind)
    if module is not None and hasattr(module, "after"):
        module.after(store, old, new)


def _admit(store: Store, resource: Resource, old: Json | None, new: Json) -> None:
    module = _MODULES.get(resource.kind)
    if module is None:
        return
    if hasattr(module, "default"):
        module.default(store, new)
    causes = module.validate(store, old, new) if hasattr(module, "validate") else []
    if not causes and hasattr(module, "allocate"):
        causes = module.allocate(store, old, new)
    if causes:
        raise status.invalid(resource.group, resource.kind, new["metadata"]["name"], causes)
