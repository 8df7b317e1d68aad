"""A page is asked for while the one before is decoded, and only where that is sure to be wanted.

That the pages of a real server arrive once each and in order is seen in `test_faults`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from kinspect.model.kinds import KINDS, Kind
from kinspect.sources.decoding import continue_token
from kinspect.sources.messages import Failed, List, Page
from kinspect.sources.pages import Pages
from kinspect.sources.transport import Answer, Transport

FAST_S = 0.5
FIRST = List("v1", None, 500)
SECOND = FIRST._replace(continue_="two")
BODIES = {
    "": b'{"kind":"PodList","metadata":{"resourceVersion":"7","continue":"two"},"items":[]}',
    "two": b'{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[]}',
}


class Server:
    """Answers at once, except for tokens that it is told to hold back."""

    def __init__(self, took_s: float = 0.0, holds: str = "nothing") -> None:
        self.asked: list[str] = []
        self.dropped: list[str] = []
        self._took_s, self._holds = took_s, holds

    async def list(self, kind: Kind, request: List) -> Answer | Failed:
        self.asked.append(request.continue_)
        try:
            if request.continue_ == self._holds:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.dropped.append(request.continue_)
            raise
        return Answer(BODIES[request.continue_], self._took_s)


def play(server: Server, story: Callable[[Pages], Awaitable[Any]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            await story(Pages(group, cast(Transport, server), KINDS["Pod"], FAST_S))

    asyncio.run(run())


def test_the_next_page_is_on_its_way_before_the_first_is_given_out() -> None:
    server = Server()

    async def story(pages: Pages) -> None:
        first = await pages.page(FIRST)
        assert isinstance(first, Page)
        assert first.continue_ == "two"
        assert server.asked == ["", "two"]
        second = await pages.page(SECOND)
        assert isinstance(second, Page)
        assert second.continue_ == ""

    play(server, story)
    assert server.asked == ["", "two"]


def test_a_slow_server_is_not_asked_ahead() -> None:
    server = Server(took_s=FAST_S)

    async def story(pages: Pages) -> None:
        await pages.page(FIRST)
        assert server.asked == [""]
        await pages.page(SECOND)

    play(server, story)
    assert server.asked == ["", "two"]


def test_another_request_drops_what_was_asked_ahead() -> None:
    server = Server(holds="two")

    async def story(pages: Pages) -> None:
        await pages.page(FIRST)
        assert isinstance(await pages.page(FIRST), Page)
        assert server.dropped == ["two"]
        await pages.drop()

    play(server, story)
    assert server.asked == ["", "two", "", "two"]
    assert server.dropped == ["two", "two"]


def test_whoever_is_cancelled_takes_what_was_asked_ahead_along() -> None:
    server = Server(holds="two")

    async def story(pages: Pages) -> None:
        await pages.page(FIRST)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await pages.page(SECOND)

    play(server, story)
    assert server.dropped == ["two"]


@pytest.mark.parametrize(
    ("body", "token"),
    [
        (BODIES[""], "two"),
        (BODIES["two"], ""),
        (b'{"metadata": {"continue": "two"}, "items": [', "two"),
        (b'{"apiVersion":"x/v1","items":[{"metadata":{"continue":"no"}}],"metadata":{"continue":"two"}}', ""),
        (b'{"kind":"Status","metadata":{}}', ""),
        (b'"items"', ""),
        (b"\xff\xfe", ""),
        (b"", ""),
    ],
)
def test_the_token_is_read_from_the_head_alone(body: bytes, token: str) -> None:
    assert continue_token(body) == token
