"""A session at the keyboard: the real app without a terminal, over an inspection that the test holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from io import StringIO

from rich.console import Console
from textual.pilot import Pilot

from kinspect.asks.trace import TraceAsk, predict
from kinspect.errors import KinspectError
from kinspect.model.meta import Ref
from kinspect.model.path import Trace
from kinspect.model.snapshot import Snapshot
from kinspect.sources import Detail, Event
from kinspect.tui.app import KinspectApp
from kinspect.tui.options import TuiOptions
from kinspect.tui.theme import Themes

SMALL, LARGE = (80, 24), (160, 48)


class HeldInspection:
    """An inspection whose snapshots are what the test publishes."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.watched: Sequence[Ref] = ()
        self.details: list[Ref] = []
        self.answer: Trace | None = None
        self._published = asyncio.Event()
        self._failure: KinspectError | None = None

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def changed(self, after: Snapshot) -> Snapshot:
        while self.snapshot is after:
            if self._failure:
                raise self._failure
            await self._published.wait()
            self._published.clear()
        return self.snapshot

    def publish(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._published.set()

    def fail(self, error: KinspectError) -> None:
        self._failure = error
        self._published.set()

    def watch(self, refs: Sequence[Ref]) -> None:
        self.watched = refs

    async def vantages(self) -> tuple[str, ...]:
        return ("client", "node/node1", "pod/shop/cart-1", "here")

    async def trace(self, target: str, vantage: str, namespace: str) -> Trace:
        """The prediction in place of packets, unless there is an answer: the same document."""
        return self.answer or predict(self.snapshot, TraceAsk(target, vantage, namespace))

    async def detail(self, ref: Ref) -> Detail:
        self.details.append(ref)
        happened = Event(
            "Warning", "Unhealthy", "readiness probe failed", "2026-03-01T14:02:00Z", 3, "kubelet"
        )
        return Detail(f"kind: {ref.kind}\nmetadata:\n  name: {ref.name}\n", (happened,), False, "")


class Session:
    """The app, its pilot, and what stands on the screen."""

    def __init__(self, app: KinspectApp, pilot: Pilot[int], held: HeldInspection) -> None:
        self.app = app
        self.pilot = pilot
        self.held = held

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    async def type(self, text: str) -> None:
        await self.press(*({" ": "space"}.get(letter, letter) for letter in text))

    async def publish(self, snapshot: Snapshot) -> None:
        self.held.publish(snapshot)
        await self.settle()

    async def settle(self) -> None:
        """Until everything that is under way has been drawn: messages, then two ticks and their messages."""
        await self.pilot.pause()
        for _ in range(2):
            self.app.main.redraw()
            self.app.main.tick()
            await self.pilot.pause()

    @property
    def lines(self) -> list[str]:
        return plain(self.app).splitlines()

    @property
    def screen(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines) + "\n"

    @property
    def under_cursor(self) -> str:
        """The row that the cursor is on."""
        return next(line for line in self.lines if line.startswith("▌"))


@asynccontextmanager
async def session(
    snapshot: Snapshot,
    size: tuple[int, int] = SMALL,
    options: TuiOptions | None = None,
    themes: Themes | None = None,
) -> AsyncIterator[Session]:
    held = HeldInspection(snapshot)
    app = KinspectApp(lambda context: held, options or TuiOptions(), themes)  # type: ignore[arg-type, return-value]
    async with app.run_test(size=size, notifications=True) as pilot:
        opened = Session(app, pilot, held)
        async with asyncio.timeout(10):
            while app.main.feed.newest is None:  # the inspection is made in a thread
                await pilot.pause(0.01)
        await opened.settle()
        yield opened


def plain(app: KinspectApp) -> str:
    """The screen as text, as wide and high as it is, modal screens included."""
    width, _ = app.size
    console = Console(width=width, file=StringIO(), force_terminal=True, record=True, legacy_windows=False)
    console.print(app.screen._compositor.render_update(full=True, screen_stack=app._background_screens))
    return console.export_text()
