"""What the command line tells the screens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple


class TuiOptions(NamedTuple):
    """`target` is `svc/NAME`, to be looked at first. None = not given, for each.

    `contexts` lists the contexts that can be switched to; it may read files, and is called in a thread.
    """

    theme: str | None = None
    namespace: str | None = None
    target: str | None = None
    context: str | None = None
    contexts: Callable[[], Sequence[str]] | None = None
