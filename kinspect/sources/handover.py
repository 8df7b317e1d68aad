"""From the thread that reads to the loop that draws: batches in order, and never far ahead."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator

from kinspect.model.change import Change

AHEAD = 64
"""Batches that may wait. A page of 500 is one batch: this bounds the memory of what nobody has folded."""


class Handover:
    """`put` and `close` belong to the reader's loop, iteration to the consumer's."""

    def __init__(self, consumer: asyncio.AbstractEventLoop) -> None:
        self._consumer = consumer
        self._reader: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[tuple[Change, ...]] = deque()
        self._news = asyncio.Event()  # in the consumer's loop
        self._space = asyncio.Event()  # in the reader's loop
        self._closed = False
        self._error: BaseException | None = None

    async def put(self, changes: tuple[Change, ...]) -> None:
        """Hands over a batch; waits while the consumer is far behind."""
        self._reader = asyncio.get_running_loop()
        self._waiting.append(changes)
        self._wake_consumer()
        while len(self._waiting) > AHEAD:
            self._space.clear()
            await self._space.wait()

    def close(self, error: BaseException | None = None) -> None:
        """There will be no more; the consumer gets the error after the last batch."""
        self._closed, self._error = True, error
        self._wake_consumer()

    async def __aiter__(self) -> AsyncIterator[tuple[Change, ...]]:
        while True:
            self._news.clear()
            while self._waiting:
                yield self._waiting.popleft()
                if self._reader is not None and len(self._waiting) == AHEAD // 2:
                    self._reader.call_soon_threadsafe(self._space.set)
            if self._closed and not self._waiting:
                if self._error is not None:
                    raise self._error
                return
            await self._news.wait()

    def _wake_consumer(self) -> None:
        with contextlib.suppress(RuntimeError):  # its loop is closed: nobody listens any more
            self._consumer.call_soon_threadsafe(self._news.set)
