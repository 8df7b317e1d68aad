"""What stands on the screen, as plain text, at both sizes. `KINSPECT_GOLDEN=write` rewrites the files."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kinspect.errors import Unreachable
from kinspect.model.coverage import Coverage
from kinspect.model.meta import Meta
from kinspect.model.service import Service, ServiceSpec
from kinspect.model.snapshot import Snapshot
from tests.golden import check_golden
from tests.tui.session import LARGE, SMALL, Session, session
from tests.tui.world import with_coverage, world

GOLDEN = Path(__file__).with_name("golden")
SIZES = {"80x24": SMALL, "160x48": LARGE}

Script = Callable[[Session], Awaitable[None]]


def keys(*pressed: str) -> Script:
    async def press(session: Session) -> None:
        await session.press(*pressed)

    return press


async def yaml(session: Session) -> None:
    await session.press("down", "down", "down", "enter", "y")
    async with asyncio.timeout(5):
        while "kind: Service" not in session.screen:
            await session.pilot.pause(0.05)
    await session.settle()


async def events(session: Session) -> None:
    await session.press("down", "down", "down", "e")
    async with asyncio.timeout(5):
        while "Unhealthy" not in session.screen:
            await session.pilot.pause(0.05)
    await session.settle()


async def traced(session: Session) -> None:
    await session.press("down", "down", "down", "t", *"node1", "enter")
    async with asyncio.timeout(5):
        while "predicted:" not in session.screen:
            await session.pilot.pause(0.05)
    await session.settle()


async def lost(session: Session) -> None:
    session.held.fail(Unreachable("https://10.0.0.1:6443 does not answer", "is the VPN up?"))
    await session.settle()


HOSTILE = "a\x1b[31mred\x1b]52;c;Zm9v\x07[bold]b[/]\u202egnp.exe\n"


def hostile() -> Snapshot:
    """A Service that wants to paint, to copy, to mark up, to turn text round and to break the line.

    So do the name of the cluster and the reason why a kind may not be seen.
    """
    spec = ServiceSpec(type="ExternalName", external_name=HOSTILE)
    meta = Meta(name=HOSTILE, namespace="shop", labels={HOSTILE: HOSTILE})
    snapshot = world(more=[("Service", Service(meta, spec=spec))])
    return replace(with_coverage(snapshot, NetworkPolicy=Coverage("denied", HOSTILE)), source=HOSTILE)


def loading() -> Snapshot:
    nothing = Snapshot(world().taken_at, "cluster prod-eu", True)
    states = {"Service": Coverage("loading", count=500), "Pod": Coverage("loading", count=12_500)}
    return replace(nothing, coverage=states)


def reading_pods() -> Snapshot:
    return replace(with_coverage(world(), Pod=Coverage("loading", count=12_500)), pending=3)


def denied() -> Snapshot:
    reason = 'services is forbidden: User "eve" cannot list resource "services" at the cluster scope'
    nothing = Snapshot(world().taken_at, "cluster prod-eu", True)
    return replace(nothing, coverage={"Service": Coverage("denied", reason)})


def part_denied() -> Snapshot:
    forbidden = Coverage("denied", "nodes is forbidden")
    return with_coverage(
        world(), Node=forbidden, NetworkPolicy=Coverage("denied", "networkpolicies is forbidden")
    )


def stale() -> Snapshot:
    return with_coverage(world(), Service=Coverage("given", as_of="2026-03-01T14:01:02Z"))


SCREENS: dict[str, tuple[Callable[[], Snapshot], Script]] = {
    "services": (world, keys()),
    "service-open": (world, keys("down", "down", "down", "E")),
    "details": (world, keys("down", "down", "down", "enter")),
    "findings": (world, keys("down", "down", "down", "down", "p")),
    "yaml": (world, yaml),
    "events": (world, events),
    "zoomed": (world, keys("down", "down", "down", "z")),
    "routes": (world, keys("2", "E")),
    "nodes": (world, keys("3", "asterisk")),
    "problems": (world, keys("4")),
    "worst-first": (world, keys("w")),
    "filtered": (world, keys("slash", *"state", "colon", *"bro")),
    "nothing-matches": (world, keys("slash", *"zzz", "enter")),
    "help": (world, keys("question_mark")),
    "copy": (world, keys("down", "down", "down", "c")),
    "namespaces": (world, keys("n")),
    "trace-from": (world, keys("down", "down", "down", "t")),
    "trace": (world, traced),
    "frozen": (world, keys("f")),
    "file": (lambda: world(live=False), keys()),
    "empty": (
        lambda: Snapshot(world().taken_at, "file a.yaml", coverage={"Service": Coverage("given")}),
        keys(),
    ),
    "connecting": (lambda: Snapshot(source="cluster prod-eu", live=True), keys()),
    "loading": (loading, keys()),
    "reading-pods": (reading_pods, keys()),
    "denied": (denied, keys()),
    "part-denied": (part_denied, keys()),
    "stale": (stale, keys()),
    "lost": (lambda: Snapshot(source="cluster prod-eu", live=True), lost),
    "hostile": (hostile, keys("down", "down", "down", "enter")),
}


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Screens show the time where the person sits: here they sit in UTC."""
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert datetime(2026, 3, 1, tzinfo=UTC).astimezone().hour == 0


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", SCREENS)
def test_screen(name: str, size: str) -> None:
    make, script = SCREENS[name]

    async def look() -> str:
        async with session(make(), SIZES[size]) as opened:
            await script(opened)
            return opened.screen

    seen = asyncio.run(look())
    assert not any(ord(character) < 0x20 for character in seen.replace("\n", ""))
    width, height = SIZES[size]
    assert len(seen.splitlines()) == height
    assert max(len(line) for line in seen.splitlines()) <= width
    check_golden(GOLDEN / f"{name}-{size}.txt", seen)
