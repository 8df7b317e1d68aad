"""The command palette: everything that a key does, by its name."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from functools import partial
from typing import Any

from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.dom import DOMNode

from kinspect.tui.keys import display


def commands(provider: Provider) -> Iterator[tuple[Binding, DOMNode]]:
    """Every binding that is in force below the palette, with what it acts on; each id once."""
    seen: set[str] = set()
    for active in provider.screen.active_bindings.values():
        id_ = active.binding.id
        if id_ and id_ not in seen:
            seen.add(id_)
            yield active.binding, active.node


class KeyCommands(Provider):
    async def discover(self) -> Hits:
        for binding, node in commands(self):
            yield DiscoveryHit(binding.description, self._run(binding, node), help=self._help(binding))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for binding, node in commands(self):
            score = max(matcher.match(binding.description), matcher.match(binding.tooltip) * 0.8)
            if score > 0:
                yield Hit(
                    score,
                    matcher.highlight(binding.description),
                    self._run(binding, node),
                    help=self._help(binding),
                )

    def _help(self, binding: Binding) -> str:
        return f"{binding.tooltip}  ({display(binding.key)})"

    def _run(self, binding: Binding, node: DOMNode) -> partial[Coroutine[Any, Any, bool]]:
        return partial(self.app.run_action, binding.action, node)
