"""Drives one list/watch machine over HTTP: does what it asks for, and passes on what it makes of it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kinspect.model.change import Change
from kinspect.model.sharing import Sharing
from kinspect.sources.messages import (
    Batch,
    Event,
    Failed,
    List,
    Page,
    Put,
    Read,
    Refresh,
    Refreshed,
    Request,
    Wait,
    Waited,
    Watch,
)
from kinspect.sources.pages import Pages
from kinspect.sources.watcher import Watcher

if TYPE_CHECKING:
    from kinspect.sources.transport import Transport

log = logging.getLogger(__name__)

Publish = Callable[[int, tuple[Change, ...]], Awaitable[None]]

LISTS_AT_ONCE = 3
FIRST = ("Service", "EndpointSlice", "Namespace")
"""The kinds that make the first screen. The others begin when these have had their turn."""


class Turns:
    """Who may list: a few at a time, and the first screen before all others."""

    def __init__(self, kinds: Iterable[str]) -> None:
        """`kinds`: that of each machine."""
        self._slots = asyncio.Semaphore(LISTS_AT_ONCE)
        self._first = sum(kind in FIRST for kind in kinds)
        self._others = asyncio.Event()
        if not self._first:
            self._others.set()

    async def take(self, kind: str) -> None:
        if kind not in FIRST:
            await self._others.wait()
        await self._slots.acquire()

    def give(self, kind: str) -> None:
        """The list is through, or has failed and must wait."""
        self._slots.release()
        self._first -= kind in FIRST
        if self._first <= 0:
            self._others.set()


async def follow(
    group: asyncio.TaskGroup,
    machine: int,
    watcher: Watcher,
    transport: Transport,
    turns: Turns,
    sharing: Sharing,
    publish: Publish,
) -> None:
    """Does what the machine asks for, for ever. A list keeps its turn until it is through.

    `group` is where this runs, and what it starts.
    """
    request, stream, listing = watcher.start(), _Stream(group, transport, watcher), False
    try:
        while True:
            if isinstance(request, List) and not listing:
                await turns.take(watcher.kind.name)
                listing = True
            elif listing and isinstance(request, Watch | Wait | Refresh):
                turns.give(watcher.kind.name)
                listing = False
            event = await stream.answer(request)
            _share(sharing, event)
            changes, request = watcher.step(event, datetime.now(UTC), random.random())
            if isinstance(event, Failed):
                log.info("%s: %s, so %s", watcher.kind.name, event, request)
            await publish(machine, changes)
    finally:
        if listing:
            turns.give(watcher.kind.name)
        await stream.close()


class _Stream:
    """Answers the requests of one machine; holds the watch that it has open."""

    def __init__(self, group: asyncio.TaskGroup, transport: Transport, watcher: Watcher) -> None:
        self._transport = transport
        self._kind = watcher.kind
        self._pages = Pages(group, transport, watcher.kind, watcher.pace.fast_page_s)
        self._open: AsyncGenerator[Event, None] | None = None

    async def answer(self, request: Request) -> Event:
        match request:
            case Read():
                assert self._open is not None
                return await anext(self._open)
            case List(limit=0):
                await self.close()
                self._open = self._transport.list_whole(self._kind, request)
                return await anext(self._open)
            case List():
                await self._close_open()
                return await self._pages.page(request)
            case Watch():
                await self.close()
                self._open = self._transport.watch(self._kind, request)
                return await anext(self._open)
            case Wait(seconds):
                await self.close()
                await asyncio.sleep(seconds)
                return Waited()
            case Refresh():
                await self.close()
                return Refreshed(await self._transport.renew())

    async def close(self) -> None:
        await self._pages.drop()
        await self._close_open()

    async def _close_open(self) -> None:
        if self._open is not None:
            await self._open.aclose()
            self._open = None


def _share(sharing: Sharing, event: Event) -> None:
    if isinstance(event, Page):
        for each in event.objects:
            sharing.share(each)
    elif isinstance(event, Batch):
        for one in event.events:
            if isinstance(one, Put):
                sharing.share(one.object)
