"""What the keyboard does, live: changes, cursor, freeze, filter, copy, contexts, details."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pyperclip
import pytest

from kinspect.errors import Unreachable
from kinspect.model.finding import Judgment
from kinspect.model.meta import Meta, Ref
from kinspect.model.path import At, Cause, Divergence, Trace
from kinspect.model.service import Service, ServiceSpec
from kinspect.model.snapshot import Snapshot
from kinspect.shipped import shipped
from kinspect.tui.app import KinspectApp
from kinspect.tui.clipboard import Clipboard
from kinspect.tui.options import TuiOptions
from kinspect.tui.theme import load_themes
from tests.tui.session import LARGE, SMALL, HeldInspection, Session, session
from tests.tui.world import CHECKOUT, world

Play = Callable[[Session], Awaitable[None]]


def play(
    script: Play,
    snapshot: Snapshot | None = None,
    size: tuple[int, int] = SMALL,
    options: TuiOptions | None = None,
) -> None:
    async def run() -> None:
        async with session(snapshot or world(), size, options) as opened:
            await script(opened)

    asyncio.run(run())


def with_services(*names: str) -> Snapshot:
    """The world with more Services in the namespace shop, each an alias."""
    spec = ServiceSpec(type="ExternalName", external_name="example.com")
    return world(more=[("Service", Service(Meta(name=name, namespace="shop"), spec=spec)) for name in names])


def test_a_change_above_leaves_the_cursor_on_its_row_and_line() -> None:
    async def script(s: Session) -> None:
        await s.press("down", "down", "down", "down")
        before = s.under_cursor
        assert "checkout" in before
        line = s.lines.index(before)
        await s.publish(with_services("a-new-one", "another"))
        assert "checkout" in s.under_cursor
        assert "a-new-one" in s.screen
        assert s.lines.index(s.under_cursor) == line + 2, "there is room above, so the row moves down"

    play(script)


def test_in_a_long_list_the_row_under_the_cursor_stays_on_its_line() -> None:
    async def script(s: Session) -> None:
        await s.press("end", *["up"] * 5)
        before = s.lines.index(s.under_cursor), s.under_cursor
        await s.publish(with_services(*(f"a{n:02}" for n in range(60))))
        assert (s.lines.index(s.under_cursor), s.under_cursor) == before

    play(script, with_services(*(f"a{n:02}" for n in range(40))))


def test_until_the_person_moves_the_first_row_has_the_cursor() -> None:
    async def script(s: Session) -> None:
        await s.publish(world())
        assert "kube-system" in s.under_cursor

    play(script, Snapshot(source="cluster prod-eu", live=True))


def test_what_changed_is_marked() -> None:
    async def script(s: Session) -> None:
        calm = world()
        await s.publish(calm)
        assert "•" not in s.screen
        healed = replace(calm, judgments={**calm.judgments, CHECKOUT: Judgment(CHECKOUT)})
        await s.publish(healed)
        marked = [line for line in s.lines if line.startswith("•")]
        assert len(marked) == 2, "the Service, and the namespace that counts it"
        assert "checkout" in marked[1]

    play(script)


def test_a_row_that_vanishes_gives_the_cursor_to_its_line() -> None:
    async def script(s: Session) -> None:
        await s.press("down", "down", "down")
        assert "aaa" in s.under_cursor
        await s.publish(world())
        assert "cart" in s.under_cursor

    play(script, with_services("aaa"))


def test_what_is_open_stays_open() -> None:
    async def script(s: Session) -> None:
        await s.press("down", "down", "down", "E")
        assert "10.244.0.5:8080" in s.screen
        await s.publish(with_services("aaa"))
        assert "10.244.0.5:8080" in s.screen

    play(script)


def test_a_frozen_picture_does_not_change_and_then_catches_up() -> None:
    async def script(s: Session) -> None:
        await s.press("f")
        await s.publish(with_services("brand-new"))
        assert "brand-new" not in s.screen
        assert "frozen at" in s.screen
        await s.press("f")
        assert "brand-new" in s.screen
        assert "frozen" not in s.screen

    play(script)


def test_following_puts_the_cursor_on_what_changed() -> None:
    async def script(s: Session) -> None:
        await s.press("F")
        changed = with_services("zebra")
        await s.publish(replace(changed, recent={Ref("Service", "shop", "zebra"): 1e12}))
        assert "zebra" in s.under_cursor
        assert "following" in s.screen

    play(script)


def test_the_filter_narrows_while_typing_and_escape_brings_all_back() -> None:
    async def script(s: Session) -> None:
        await s.press("down", "down", "down", "down")
        await s.press("slash")
        await s.type("pay")
        assert "payments" in s.under_cursor
        assert "checkout" not in s.screen
        await s.press("enter")
        assert "pay" in s.lines[2], "what is kept stays to be seen"
        await s.press("escape")
        assert "checkout" in s.screen
        assert "payments" in s.under_cursor, "and the cursor stays where the filter led"

    play(script)


def test_keys_typed_into_the_filter_are_text() -> None:
    async def script(s: Session) -> None:
        await s.press("slash")
        await s.type("q?")
        assert s.app.main.filter_text == "q?"
        assert s.app.is_running

    play(script)


def test_nothing_takes_the_focus_when_data_arrives() -> None:
    async def script(s: Session) -> None:
        await s.press("slash")
        await s.publish(with_services("aaa"))
        await s.type("che")
        assert s.app.main.filter_text == "che"

    play(script)


def test_the_namespace_is_chosen_from_a_list() -> None:
    async def script(s: Session) -> None:
        await s.press("n")
        await s.type("kube")
        await s.press("enter")
        assert "kube-dns" in s.screen
        assert "checkout" not in s.screen

    play(script)


def test_other_end_and_back() -> None:
    async def script(s: Session) -> None:
        await s.press("down", "down", "down", "o")
        assert "[3 Nodes]" in s.screen
        assert "cart-6d8f9-abcde" in s.under_cursor
        await s.press("o")
        assert "[1 Services]" in s.screen
        assert "cart" in s.under_cursor
        await s.press("down", "o")
        assert "checkout is not to be found" in s.screen.lower()

    play(script)


def test_a_finding_leads_to_its_object() -> None:
    async def script(s: Session) -> None:
        await s.press("4", "o")
        assert "[1 Services]" in s.screen
        assert "checkout" in s.under_cursor

    play(script)


def test_trouble_is_found_forwards_and_backwards() -> None:
    async def script(s: Session) -> None:
        await s.press("end", "left_square_bracket")
        assert "checkout" in s.under_cursor
        await s.press("left_square_bracket", "left_square_bracket")
        assert "shop" in s.under_cursor
        await s.press("right_square_bracket")
        assert "cart" in s.under_cursor

    play(script)


@pytest.mark.parametrize(
    ("target", "view"),
    [
        ("svc/checkout", "Services"),
        ("pod/cart-6d8f9-fghij", "Nodes"),
        ("node/node2", "Nodes"),
        ("ing/front", "Routes"),
    ],
)
def test_the_command_line_names_the_first_object_to_look_at(target: str, view: str) -> None:
    async def script(s: Session) -> None:
        assert target.partition("/")[2] in s.under_cursor
        assert view in s.lines[1]

    play(script, options=TuiOptions(target=target))


def test_the_command_line_names_the_namespace() -> None:
    async def script(s: Session) -> None:
        assert "checkout" not in s.screen
        assert "✗ 0 broken  ● 1 ok" in s.lines[1], "the counts are those of what is shown"

    play(script, options=TuiOptions(namespace="kube-system"))


def test_what_the_command_line_names_and_is_not_there_is_told() -> None:
    async def script(s: Session) -> None:
        assert "svc/nope is not to be found in namespace shop." in s.screen

    play(script, options=TuiOptions(namespace="shop", target="svc/nope"))


def test_a_namespace_that_does_not_exist_is_told() -> None:
    async def script(s: Session) -> None:
        assert "Narrowed by namespace nope, which does not exist." in s.screen

    play(script, options=TuiOptions(namespace="nope"))


def test_the_inspection_is_told_what_is_on_the_screen() -> None:
    async def script(s: Session) -> None:
        assert CHECKOUT in s.held.watched

    play(script)


def test_details_follow_the_cursor_on_a_wide_screen() -> None:
    async def script(s: Session) -> None:
        await s.press("down", "down", "down", "down")
        assert "Service shop/checkout" in s.screen
        await s.press("D")
        assert "Service shop/checkout" not in s.screen
        await s.press("D", "tab")
        assert s.app.main.detail.has_pseudo_class("focus-within")
        await s.press("tab", "down")
        assert "Service shop/payments" in s.screen

    play(script, size=LARGE)


def test_on_a_small_screen_details_come_and_go() -> None:
    async def script(s: Session) -> None:
        await s.press("down", "down", "down", "enter")
        assert "Service shop/cart" in s.screen
        await s.press("right", "right", "right")
        assert "[p Findings]" in s.screen
        await s.press("escape")
        assert "Service shop/cart" not in s.screen
        assert "cart" in s.under_cursor

    play(script)


def test_another_size_leaves_the_keyboard_with_what_is_seen() -> None:
    async def script(s: Session) -> None:
        await s.press("tab")
        assert s.app.main.detail.has_pseudo_class("focus-within")
        await s.pilot.resize_terminal(*SMALL)
        await s.settle()
        await s.press("down")
        assert "kube-dns" in s.under_cursor
        assert len(s.lines) == SMALL[1]

    play(script, size=LARGE)


def test_an_object_is_read_in_full_once_for_each_of_its_versions() -> None:
    async def script(s: Session) -> None:
        await s.press("down", "down", "down", "y")
        await until(s, lambda: "kind: Service" in s.screen)
        await s.press("e")
        await until(s, lambda: "Unhealthy" in s.screen)
        await s.press("d", "y")
        assert s.held.details == [Ref("Service", "shop", "cart")]

    play(script, size=LARGE)


def test_an_object_that_comes_under_the_cursor_by_itself_is_read_as_well() -> None:
    async def script(s: Session) -> None:
        await s.press("y")
        await until(s, lambda: "kind: Namespace" in s.screen)
        await s.press("w")
        await until(s, lambda: "name: shop" in s.screen)

    play(script, size=LARGE)


def test_what_is_read_and_judged_for_the_first_time_is_no_news() -> None:
    async def script(s: Session) -> None:
        await s.publish(world())
        assert "checkout" in s.screen
        assert "•" not in s.screen

    play(script, replace(with_services("aaa"), judgments={}, pending=5))


async def until(s: Session, holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await s.pilot.pause(0.05)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the clipboard writes to the terminal; there is none on the machine."""

    def fail(text: str) -> None:
        raise pyperclip.PyperclipException("no clipboard mechanism")

    monkeypatch.setattr(pyperclip, "copy", fail)
    return []


def test_copying_by_the_menu(terminal: list[str]) -> None:
    async def script(s: Session) -> None:
        s.app.clipboard_door = Clipboard(terminal.append, {"SSH_TTY": "/dev/pts/1"})
        await s.press("down", "down", "down", "down", "c")
        await s.type("full")
        await s.press("enter")
        assert terminal == ["\x1b]52;c;Y2hlY2tvdXQuc2hvcC5zdmMuY2x1c3Rlci5sb2NhbA==\x07"]
        assert "Sent the full name" in s.screen

    play(script)


def test_a_hostile_name_is_not_copied_and_that_is_said(terminal: list[str]) -> None:
    async def script(s: Session) -> None:
        s.app.clipboard_door = Clipboard(terminal.append, {"SSH_TTY": "/dev/pts/1"})
        await s.press("down", "down", "down", "c", "enter")
        assert terminal == []
        assert "Not copied: the name" in s.screen

    play(script, with_services("a\n\x1b]52;c;x\x07"))


def test_yaml_is_read_to_be_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    monkeypatch.setattr(pyperclip, "copy", copied.append)

    async def script(s: Session) -> None:
        s.app.clipboard_door = Clipboard(lambda _: None, {})
        await s.press("down", "down", "down", "c")
        await s.type("theyaml")
        await s.press("enter")
        await until(s, lambda: "Copied the YAML" in s.screen)

    play(script)
    assert copied == ["kind: Service\nmetadata:\n  name: cart\n"]


def test_a_lost_connection_keeps_what_is_known_and_says_so() -> None:
    async def script(s: Session) -> None:
        s.held.fail(Unreachable("the server does not answer", "is the VPN up?"))
        await s.settle()
        assert "no connection" in s.screen
        assert "checkout" in s.screen

    play(script)


def test_another_context_is_a_new_inspection() -> None:
    asked: list[str | None] = []
    worlds = {None: world(), "staging": with_services("only-in-staging")}

    def make(context: str | None) -> HeldInspection:
        asked.append(context)
        return HeldInspection(worlds[context])

    async def run() -> None:
        options = TuiOptions(contexts=lambda: ["prod", "staging"])
        app = KinspectApp(make, options)  # type: ignore[arg-type]
        async with app.run_test(size=SMALL) as pilot:
            s = Session(app, pilot, HeldInspection(world()))
            await until(s, lambda: app.main.feed.newest is not None)
            await s.press("x")
            await until(s, lambda: "staging" in s.screen)
            await s.type("stag")
            await s.press("enter")
            await until(s, lambda: "only-in-staging" in s.screen)

    asyncio.run(run())
    assert asked == [None, "staging"]


def test_an_inspection_that_cannot_be_made_says_why_and_can_be_tried_again() -> None:
    tries: list[int] = []

    def make(context: str | None) -> HeldInspection:
        tries.append(1)
        if len(tries) == 1:
            raise Unreachable("there is no kubeconfig", "set KUBECONFIG, or use -f")
        return HeldInspection(world())

    async def run() -> None:
        app = KinspectApp(make, TuiOptions())  # type: ignore[arg-type]
        async with app.run_test(size=SMALL) as pilot:
            s = Session(app, pilot, HeldInspection(world()))
            await until(s, lambda: "set KUBECONFIG" in s.screen)
            await s.press("r")
            await until(s, lambda: "checkout" in s.screen)

    asyncio.run(run())


def test_themes_change_at_once_and_a_bad_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("title = 1")
    themes = load_themes((shipped("themes"), tmp_path))

    async def run() -> None:
        async with session(world(), SMALL, TuiOptions(theme="no-such"), themes) as s:
            assert "mine.toml is not used" in s.screen
            assert "there is no theme no-such" in s.screen
            await s.press("T")
            await s.type("light")
            await s.press("enter")
            assert s.app.look.name == s.app.theme == "light"

    asyncio.run(run())


@pytest.mark.parametrize(("key", "code"), [("q", 0), ("ctrl+c", 130)])
def test_leaving(key: str, code: int) -> None:
    async def script(s: Session) -> None:
        await s.pilot.press(key)
        await s.pilot.pause()
        assert s.app.return_value == code

    play(script)


def test_everything_is_in_the_palette() -> None:
    async def script(s: Session) -> None:
        await s.press("colon")
        await s.type("worst")
        await until(s, lambda: "Worst first" in s.screen)
        await s.press("enter")
        await until(s, lambda: s.app.main.order == "worst first")

    play(script, size=LARGE)


def test_a_click_selects_and_a_click_on_the_triangle_opens() -> None:
    async def script(s: Session) -> None:
        await s.pilot.click("#services", offset=(20, 3))
        await s.settle()
        assert "cart" in s.under_cursor
        await s.pilot.click("#services", offset=(3, 3))
        await s.settle()
        assert "80/TCP http" in s.screen

    play(script)


def test_a_click_on_a_views_title_shows_it() -> None:
    async def script(s: Session) -> None:
        await s.pilot.click("#what", offset=(24, 0))
        await s.settle()
        assert "[3 Nodes]" in s.screen

    play(script, size=LARGE)


def test_no_color_leaves_the_cursor_to_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def script(s: Session) -> None:
        assert s.app.no_color
        await s.press("down")
        assert "kube-dns" in s.under_cursor

    play(script)


def test_what_a_trace_has_found_is_read_without_scrolling_sideways() -> None:
    """The verdict, the causes and what to do; hops keep their columns."""
    told = (
        "the route to 10.244.2.7 is via 192.0.2.1 dev eth0, which is not node/node2, and so it is lost there"
    )
    cause = Cause("NOD303", At("node", "node1"), told, "Look whether the CNI's agent runs on the node.")
    parting = Divergence(0, 3, "it arrives at node/node2", "it left node/node1", ("NOD303",))

    async def script(s: Session) -> None:
        s.held.answer = Trace(
            "svc/cart", "client", "marked connect", "dropped", None, (), parting, (), 0, (cause,)
        )
        await s.press("down", "down", "down", "t", *"node1", "enter")
        async with asyncio.timeout(5):
            while "NOD303" not in s.screen:
                await s.pilot.pause(0.05)
        await s.settle()
        assert told in " ".join(s.screen.split())

    play(script)
