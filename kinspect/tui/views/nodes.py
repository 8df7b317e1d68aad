"""Node → pod → Services and routes that reach it: the same ground from the other end."""

from __future__ import annotations

from kinspect.tui.views import View
from kinspect.tui.widgets.outlinetree import OutlineTree

VIEW = View(
    id="nodes",
    key="3",
    title="Nodes",
    help="Nodes with their pods, and the Services and routes that reach each pod",
    make=lambda: OutlineTree("nodes", open_depth=0),
    says="There are no Nodes here.",
)
