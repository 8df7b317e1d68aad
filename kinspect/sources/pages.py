"""The pages of one list, each asked for before the one before it is decoded.

1. Built-in kinds write a list's metadata before its items, so a page tells where the next begins in its first
   bytes. The server encodes the next page, and the kernel takes it in, while this one is decoded.
2. Only a server that answers fast is asked ahead: for a slow one the machine may choose another way to read.
3. What was asked ahead serves exactly the request that it was made for. Any other request drops it.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from kinspect.model.kinds import Kind
from kinspect.sources import decoding
from kinspect.sources.messages import Event, Failed, List

if TYPE_CHECKING:
    from kinspect.sources.transport import Answer, Transport


class Pages:
    """The pages of one kind. `group` owns what is asked ahead, after an answer within `fast_s`."""

    def __init__(self, group: asyncio.TaskGroup, transport: Transport, kind: Kind, fast_s: float) -> None:
        self._group = group
        self._transport = transport
        self._kind = kind
        self._fast_s = fast_s
        self._ahead: tuple[List, asyncio.Task[Answer | Failed]] | None = None

    async def page(self, request: List) -> Event:
        """The page that is asked for, or Failed."""
        answer = await self._answer(request)
        if isinstance(answer, Failed):
            return answer
        following = decoding.continue_token(answer.body) if answer.took_s < self._fast_s else ""
        if following and following != request.continue_:
            self._ask_ahead(request._replace(continue_=following))
            await asyncio.sleep(0)  # lets the request out before decoding holds up everything
        return decoding.page(self._kind, answer.body, answer.took_s)

    async def drop(self) -> None:
        """Forgets what was asked ahead."""
        if self._ahead is not None:
            _, task = self._ahead
            self._ahead = None
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _answer(self, request: List) -> Answer | Failed:
        if self._ahead is not None and self._ahead[0] == request:
            task = self._ahead[1]
            try:
                return await task
            finally:
                self._ahead = None
        await self.drop()
        return await self._transport.list(self._kind, request)

    def _ask_ahead(self, request: List) -> None:
        self._ahead = request, self._group.create_task(self._transport.list(self._kind, request))
