"""The app mounts the screen and forwards: snapshots to it, its wishes to the inspection and the clipboard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import App
from textual.binding import Binding, BindingType

from kinspect.errors import EXIT_BUG, EXIT_INTERRUPTED, EXIT_OK, KinspectError
from kinspect.model.meta import Ref
from kinspect.model.path import Trace
from kinspect.outline.visible import visible
from kinspect.tui.choices import Choice, named, vantages
from kinspect.tui.clipboard import Clipboard
from kinspect.tui.copies import Copyable, copies
from kinspect.tui.keys import APP, bindings
from kinspect.tui.main import ALL_KEYS, MainScreen
from kinspect.tui.options import TuiOptions
from kinspect.tui.palette import KeyCommands
from kinspect.tui.theme import DEFAULT, Theme, Themes, load_themes
from kinspect.tui.widgets.help import Help
from kinspect.tui.widgets.pick import Pick
from kinspect.tui.widgets.trace import TraceScreen

if TYPE_CHECKING:
    from kinspect.inspection import Inspection

MakeInspection = Callable[[str | None], "Inspection"]
"""Opens the source of a context, None = the current one. Called in a thread: it may import and read much."""

__all__ = ["KinspectApp", "MakeInspection", "TuiOptions", "run"]


class KinspectApp(App[int]):
    TITLE = "kinspect"
    CSS_PATH = Path(__file__).with_name("main.tcss")
    COMMANDS = {KeyCommands}  # noqa: RUF012
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = ""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(APP),
        Binding("ctrl+c", "interrupt", "Quit", show=False, priority=True),
    ]

    def __init__(
        self, make_inspection: MakeInspection, options: TuiOptions, themes: Themes | None = None
    ) -> None:
        super().__init__()
        self.options = options
        self.context = options.context
        self.inspection: Inspection | None = None
        self.clipboard_door = Clipboard.here(self._to_terminal)
        self.main = MainScreen(options.namespace, options.target)
        self._make_inspection = make_inspection
        self.themes = themes or load_themes()
        self.look: Theme = self.themes.get(options.theme or DEFAULT)
        for theme in self.themes.by_name.values():
            self.register_theme(theme.textual())
        self.theme = self.look.name

    def get_default_screen(self) -> MainScreen:
        return self.main

    def on_mount(self) -> None:
        self._report_themes()
        self.main.call_after_refresh(self.connect)

    def _report_themes(self) -> None:
        for failed in self.themes.failed:
            self._warn(f"theme {failed.path.name} is not used: {failed.reason}")
        wanted = self.options.theme
        if wanted and wanted not in self.themes.by_name:
            self._warn(f"there is no theme {wanted}; there are {', '.join(sorted(self.themes.by_name))}")

    def _warn(self, words: str) -> None:
        self.notify(words, severity="warning", timeout=12, markup=False)

    # The inspection

    def connect(self) -> None:
        """Starts to read, instead of what was read before."""
        self.main.begin()
        self.run_worker(self._inspect(), group="inspection", exclusive=True)

    async def _inspect(self) -> None:
        """Reads until the source ends or the app does; what a person can mend is said on the screen."""
        self.inspection = None
        try:
            inspection = await asyncio.to_thread(self._make_inspection, self.context)
            await self._run(inspection)
        except* KinspectError as errors:
            self.main.failed(_first(errors))

    async def _run(self, inspection: Inspection) -> None:
        self.inspection = inspection
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(inspection.run())
            tasks.create_task(self._forward(inspection))

    async def _forward(self, inspection: Inspection) -> None:
        snapshot = inspection.snapshot
        while True:
            self.main.feed.newest = snapshot
            snapshot = await inspection.changed(snapshot)

    def watch_refs(self, refs: Sequence[Ref]) -> None:
        """These objects are on the screen."""
        if self.inspection is not None:
            self.inspection.watch(refs)

    def read_in_full(self, ref: Ref) -> None:
        """This object is to be seen as YAML, or with its events."""
        if self.inspection is not None:
            self.run_worker(self._read_detail(self.inspection, ref), group="detail", exclusive=True)

    async def _read_detail(self, inspection: Inspection, ref: Ref) -> None:
        await asyncio.sleep(0.15)  # a cursor that is held down passes many rows: only where it rests is read
        self.main.detail.loaded(ref, await inspection.detail(ref))

    def action_reconnect(self) -> None:
        self.connect()

    async def action_context(self) -> None:
        listed = self.options.contexts
        if listed is None:
            self.main.status.say("There is no other context: this is not read from a cluster.", "degraded")
            return
        try:
            names = await asyncio.to_thread(listed)
        except KinspectError as error:
            self.main.status.say(error.message, "broken")
            return
        self.push_screen(Pick("Context", named(names, self.context)), self._choose_context)

    def _choose_context(self, name: str | None) -> None:
        if name is not None:
            self.context = name
            self.connect()

    # Traces

    @on(MainScreen.TraceWanted)
    async def _trace_wanted(self, event: MainScreen.TraceWanted) -> None:
        """Offers the places of this cluster on this machine; nothing is sent before one is chosen."""
        if self.inspection is None or not self.inspection.snapshot.live:
            self.main.status.say("Only a live cluster can be traced.", "degraded")
            return
        words = await self.inspection.vantages()
        if len(words) == 1:
            self.main.status.say(
                "No node or pod of this cluster runs on this machine: only from here.", "degraded"
            )
        target = event.target
        choices = vantages(words, target.words)

        def picked(vantage: str | None) -> None:
            if vantage is not None:
                self.push_screen(TraceScreen(target, vantage))

        self.push_screen(Pick(f"Trace {visible(target.words)} from", choices), picked)

    @on(TraceScreen.Wanted)
    def _trace_now(self, event: TraceScreen.Wanted) -> None:
        if self.inspection is not None:
            self.run_worker(self._trace(self.inspection, event.screen), group="trace", exclusive=True)

    async def _trace(self, inspection: Inspection, screen: TraceScreen) -> None:
        target = screen.target
        try:
            answer: Trace | KinspectError = await inspection.trace(
                target.words, screen.vantage, target.namespace
            )
        except KinspectError as error:
            answer = error
        if screen.is_attached:
            screen.show(answer)

    # What the person takes along

    def action_copy(self) -> None:
        shown, ref = self.main.shown, self.main.pane.selected
        if shown is None or ref is None:
            return
        offered = [*copies(shown, ref, self.context), Copyable("the YAML", "")]
        choices = [Choice(str(at), each.what, _first_line(each.text)) for at, each in enumerate(offered)]

        def picked(value: str | None) -> None:
            if value is None:
                return
            each = offered[int(value)]
            if each.text:
                self._copy(each)
            else:
                self.run_worker(self._copy_yaml(ref), group="copy", exclusive=True)

        self.push_screen(Pick(f"Copy, of {visible(str(ref))}", choices), picked)

    def _copy(self, each: Copyable) -> None:
        copied = self.clipboard_door.copy(each.text, each.what)
        self.main.status.say(copied.said, "ready" if copied.ok else "broken")

    async def _copy_yaml(self, ref: Ref) -> None:
        """Reads the object in full, for it may not be on the screen."""
        if self.inspection is not None:
            full = await self.inspection.detail(ref)
            if full.yaml:
                self._copy(Copyable("the YAML", full.yaml))
            else:
                self.main.status.say(full.note, "broken")

    def _to_terminal(self, sequence: str) -> None:
        if self._driver is not None:
            self._driver.write(sequence)

    # The program

    def action_theme(self) -> None:
        choices = [
            Choice(theme.name, theme.file.title, "now" if theme is self.look else theme.name)
            for theme in self.themes.by_name.values()
        ]
        self.push_screen(Pick("Theme", choices), self._choose_theme)

    def _choose_theme(self, name: str | None) -> None:
        if name is not None:
            self.look = self.themes.get(name)
            self.theme = name
            self.main.redraw()

    def action_help(self) -> None:
        self.push_screen(Help(ALL_KEYS))

    def action_leave(self) -> None:
        self.exit(EXIT_OK)

    def action_interrupt(self) -> None:
        self.exit(EXIT_INTERRUPTED)


def run(make_inspection: MakeInspection, options: TuiOptions) -> int:
    """The interactive session, until the person leaves; its exit code."""
    app = KinspectApp(make_inspection, options)
    code = app.run()
    return code if code is not None else EXIT_BUG


def _first(errors: BaseExceptionGroup[KinspectError]) -> KinspectError:
    """One of the errors; they mostly have one cause."""
    each = errors.exceptions[0]
    return _first(each) if isinstance(each, BaseExceptionGroup) else each


def _first_line(text: str) -> str:
    head, newline, _ = text.partition("\n")
    return f"{head} …" if newline else head
