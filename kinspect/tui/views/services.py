"""Namespace → Service → port → EndpointSlice → endpoint → pod → node: from the name down to the machine."""

from __future__ import annotations

from kinspect.tui.views import View
from kinspect.tui.widgets.outlinetree import OutlineTree

VIEW = View(
    id="services",
    key="1",
    title="Services",
    help="Services by namespace, down to their pods and nodes",
    make=lambda: OutlineTree("services", open_depth=1),
    says="There are no Services here.",
)
