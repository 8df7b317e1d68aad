"""The views: what can be looked at in the large part of the screen. A member room.

Each other file here is one view and declares it: `VIEW = View(...)`. Nothing else registers it; its key, its
line of help and its palette entry come from the declaration.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from textual.widget import Widget

from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot
from kinspect.outline.filter import Filter
from kinspect.tui.branches import Order


class Shown(NamedTuple):
    """What a view is a function of, besides its own cursor.

    `namespace` None = all. `marking` = changes are news: everything has been read once.
    """

    snapshot: Snapshot
    namespace: str | None
    wanted: Filter
    order: Order
    marking: bool

    @property
    def question(self) -> tuple[str | None, Filter, Order]:
        """What the person asked, as opposed to what the answer is now."""
        return self.namespace, self.wanted, self.order


class ViewPane(Protocol):
    """What the screen asks of a view's widget."""

    @property
    def selected(self) -> Ref | None:
        """The object under the cursor."""
        ...

    @property
    def visible_refs(self) -> Sequence[Ref]:
        """The objects on the screen, to be judged first."""
        ...

    def show(self, shown: Shown) -> None:
        """Something else is to be seen from now on."""
        ...

    def tick(self) -> None:
        """Time has passed: the view may use a few milliseconds to catch up."""
        ...

    def reveal(self, ref: Ref) -> bool:
        """Puts the cursor on this object; False if the view does not show it."""
        ...


class View(NamedTuple):
    """A declaration. `make` makes the widget, which also is a ViewPane. `says` explains an empty view."""

    id: str
    key: str
    title: str
    help: str
    make: Callable[[], Widget]
    says: str


def load() -> tuple[View, ...]:
    """All views, in the order of their keys."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    views = (importlib.import_module(f"{__name__}.{name}").VIEW for name in names)
    return tuple(sorted(views, key=lambda view: view.key))
