"""What an agent reads of /proc and /run/netns, as the listing that `places` decides about.

Nothing is entered. What the agent's user may not see is not in the listing, but counted: a place that is not
found may be among it.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from kinspect.vantage.connection import Agent
from kinspect.vantage.places import VARIABLE, NetNamespace


class Listing(NamedTuple):
    """Every network namespace that may be seen; `hidden` processes may not be looked into."""

    namespaces: tuple[NetNamespace, ...]
    hidden: int


async def net_namespaces(agent: Agent) -> Listing:
    """The listing as the agent's user may have it, by inode."""
    return msgspec.convert(await agent.call("namespaces", variable=VARIABLE), Listing)
