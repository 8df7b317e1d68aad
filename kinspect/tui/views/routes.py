"""Ingress or Gateway API route → host and path → Service → …: as a request from outside comes in."""

from __future__ import annotations

from kinspect.tui.views import View
from kinspect.tui.widgets.outlinetree import OutlineTree

VIEW = View(
    id="routes",
    key="2",
    title="Routes",
    help="Ingresses and Gateway API routes, down to the Services that they lead to",
    make=lambda: OutlineTree("routes", open_depth=1),
    says="There are no Ingresses and no Gateway API routes here.",
)
