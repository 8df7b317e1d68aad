"""The one screen: header, view, details, bottom line. It holds what is to be seen, the views where one is."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import ClassVar, Protocol, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.events import DescendantFocus, Resize
from textual.geometry import Size
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import ContentSwitcher

from kinspect.errors import KinspectError
from kinspect.model.meta import Ref
from kinspect.model.snapshot import Snapshot
from kinspect.outline.filter import parse
from kinspect.outline.summary import summary
from kinspect.tui import choices, keys, words
from kinspect.tui.branches import Order
from kinspect.tui.choices import Choice
from kinspect.tui.feed import Feed
from kinspect.tui.keys import Key, bindings
from kinspect.tui.places import named, perspective_of
from kinspect.tui.sections import Tab
from kinspect.tui.targets import Target, targets
from kinspect.tui.views import Shown, View, ViewPane, load
from kinspect.tui.widgets.detail import DetailPane
from kinspect.tui.widgets.filterbar import FilterBar
from kinspect.tui.widgets.header import Header
from kinspect.tui.widgets.pick import Pick
from kinspect.tui.widgets.status import StatusLine
from kinspect.tui.widgets.tree import TreeView

TICK_S = 0.05
HEADER_S, HEADER_REST = 0.25, 40.0
"""How often the header is written: at most so often, and at most a fortieth of the time."""
WIDE, TALL = 120, 34
VIEWS = load()

VIEW_KEYS = tuple(
    Key(f"view.{view.id}", view.key, f"view('{view.id}')", "Show", view.title, view.help) for view in VIEWS
)
ALL_KEYS = (*VIEW_KEYS, *keys.ROWS, *keys.SCREEN, *keys.DETAIL, *keys.APP)


class Host(Protocol):
    """What the screen asks of the app."""

    def watch_refs(self, refs: Sequence[Ref]) -> None: ...

    def read_in_full(self, ref: Ref) -> None: ...


class MainScreen(Screen[None]):
    BINDINGS: ClassVar[list[BindingType]] = bindings((*VIEW_KEYS, *keys.SCREEN))

    class TraceWanted(Message):
        """This is to be traced, from a vantage that is still to be chosen."""

        def __init__(self, target: Target) -> None:
            self.target = target
            super().__init__()

    def __init__(self, namespace: str | None, target: str | None) -> None:
        super().__init__()
        self.feed = Feed()
        self.namespace = namespace
        self.order: Order = "name"
        self.following = False
        self._target = target
        self._header_due = 0.0
        self._dirty = True
        self._watched: Sequence[Ref] = ()

    def compose(self) -> ComposeResult:
        self._fit(self.app.size)  # before there are parts that it would style again
        yield Header()
        yield FilterBar()
        with Container(id="body"):
            with ContentSwitcher(id="views", initial=VIEWS[0].id):
                for view in VIEWS:
                    widget = view.make()
                    widget.id = view.id
                    yield widget
            yield DetailPane()
        yield StatusLine()

    def on_mount(self) -> None:
        self.action_focus_view()
        self.tick()  # now, so that the first picture is whole
        self.set_interval(TICK_S, self.tick)

    def on_resize(self, event: Resize) -> None:
        self._fit(event.size)
        self.call_after_refresh(self._keep_focus)

    def _fit(self, size: Size) -> None:
        """Where the parts lie depends on how much room there is."""
        wide, tall = size.width >= WIDE, size.height >= TALL
        self.update_classes({"-wide": wide, "-narrow": not wide, "-tall": tall, "-short": not tall})

    def _keep_focus(self) -> None:
        """Another size may have hidden what had the focus."""
        if self.focused is None or not self.focused.is_on_screen:
            self.action_focus_view()

    @on(DescendantFocus)
    def _focus_moved(self) -> None:
        """The bottom line names the keys of what has the focus."""
        focused = self.focused
        if isinstance(focused, FilterBar):
            self.status.hint(keys.FILTER_HINTS)
            return
        in_detail = self.detail.has_pseudo_class("focus-within")
        self.status.hint(keys.hints(ALL_KEYS, keys.DETAIL_HINTS if in_detail else keys.ROWS_HINTS))

    # Parts

    @property
    def view(self) -> View:
        current = self.query_one("#views", ContentSwitcher).current
        return next(view for view in VIEWS if view.id == current)

    @property
    def pane(self) -> ViewPane:
        return cast(ViewPane, self.query_one(f"#{self.view.id}"))

    @property
    def detail(self) -> DetailPane:
        return self.query_one(DetailPane)

    @property
    def status(self) -> StatusLine:
        return self.query_one(StatusLine)

    @property
    def shown(self) -> Snapshot | None:
        return self.feed.shown

    @property
    def filter_text(self) -> str:
        return self.query_one(FilterBar).value

    def redraw(self) -> None:
        """The colours are others from now on."""
        self.status.redraw()
        self._changed()

    # Time

    def begin(self) -> None:
        """Another source is being read from now on."""
        self.feed.begin()
        self._changed()

    def failed(self, error: KinspectError) -> None:
        """Nothing more will come: the source has said why."""
        self.feed.error = error
        self._changed()

    def _changed(self) -> None:
        self._dirty, self._header_due = True, 0.0

    def tick(self) -> None:
        """Takes the newest snapshot, unless frozen, and lets every part catch up."""
        first = self.shown is None
        if self.feed.take():
            self._dirty = True
            self._header_due = 0.0 if first else self._header_due
        if monotonic() >= self._header_due:
            self._draw_header()
        if self._dirty:
            self._show()
        self.pane.tick()
        self.status.tick()
        self._watch()

    def _show(self) -> None:
        """Gives the view and the details the snapshot that is to be seen."""
        self._dirty = False
        pane = self.pane
        if isinstance(pane, TreeView):
            why = words.narrowing(self.shown, self.namespace, self.filter_text)
            pane.words = words.nothing(self.shown, self.feed.error, why, self.view.says)
        if self.shown is not None:
            pane.show(
                Shown(self.shown, self.namespace, parse(self.filter_text), self.order, self.feed.settled)
            )
            self._find_target()
            if self.following and (changed := self.feed.changed_last(monotonic())):
                self.pane.reveal(changed)
            self.detail.show(self.shown, pane.selected)
        cast(Widget, pane).refresh()

    def _find_target(self) -> None:
        """Goes to the object that the command line named, once it is there."""
        if self._target is None or self.shown is None:
            return
        ref = named(self.shown, self._target, self.namespace)
        if ref is None and not self.feed.settled:
            return
        text, self._target = self._target, None
        if ref is None:
            where = f" in namespace {self.namespace}" if self.namespace else ""
            self.status.say(f"{text} is not to be found{where}.", "degraded")
            return
        self.action_view(perspective_of(ref.kind))
        if not self.pane.reveal(ref):
            self.status.say(f"{ref} is not to be found among the {self.view.title}.", "degraded")

    def _watch(self) -> None:
        refs = self.pane.visible_refs
        if refs != self._watched:
            self._watched = refs
            cast(Host, self.app).watch_refs(refs)

    @on(DetailPane.Wanted)
    def _detail_wanted(self, event: DetailPane.Wanted) -> None:
        # Not left to bubble: a message that was posted while this screen ticked ends here.
        cast(Host, self.app).read_in_full(event.ref)

    def _draw_header(self) -> None:
        began, feed = monotonic(), self.feed
        mine = [
            key
            for key in (feed.shown.services if feed.shown else ())
            if self.namespace in (None, "", key.namespace)
        ]
        found = summary(feed.shown, mine) if feed.shown else None
        self._header_due = began + max(HEADER_S, HEADER_REST * (monotonic() - began))
        if found and feed.settle(found):
            self._dirty = True
        if wider := feed.widened():
            self.status.say(f"Read in all namespaces from now on: {words.kinds(wider)}.", "ready")
        narrowed = words.narrowed(self.namespace, self.order, self.following)
        views = tuple((view.key, view.title, view is self.view) for view in VIEWS)
        self.query_one(Header).show(words.heading(feed, found, narrowed, views))

    # What the person does

    @on(TreeView.Moved)
    def _moved(self) -> None:
        if self.shown is not None:
            self.detail.show(self.shown, self.pane.selected)

    @on(TreeView.Chosen)
    def _chosen(self) -> None:
        self._open_detail()

    def _open_detail(self) -> None:
        self.set_class(True, "-detail-open")
        self.set_class(False, "-detail-closed")
        self.call_after_refresh(self._detail_opened)

    def _detail_opened(self) -> None:
        self.detail.body.focus()
        self._moved()

    def action_focus_view(self) -> None:
        self.set_focus(self.query_one(f"#{self.view.id}"))

    def action_view(self, id: str) -> None:
        self.query_one("#views", ContentSwitcher).current = id
        self._changed()
        self.tick()
        self.action_focus_view()

    def action_other_end(self) -> None:
        ref = self.pane.selected
        if ref is None:
            return
        self.action_view("services" if self.view.id in ("nodes", "problems") else "nodes")
        if not self.pane.reveal(ref):
            self.status.say(f"{ref} is not to be found among the {self.view.title}.", "degraded")

    def action_trace(self) -> None:
        """Asks what to trace, where there is a choice, and from where; then traces it."""
        ref = self.pane.selected
        found = targets(self.shown, ref) if self.shown is not None and ref is not None else []
        if not found:
            self.status.say(
                "There is nothing to trace here: choose a Service, an Ingress or a pod.", "degraded"
            )
        elif len(found) == 1:
            self.post_message(self.TraceWanted(found[0]))
        else:
            offered = [Choice(str(at), each.words, each.note) for at, each in enumerate(found)]
            self.app.push_screen(Pick("Trace", offered), lambda at: self._trace_picked(found, at))

    def _trace_picked(self, found: list[Target], at: str | None) -> None:
        if at is not None:
            self.post_message(self.TraceWanted(found[int(at)]))

    def action_filter(self) -> None:
        bar = self.query_one(FilterBar)
        bar.display = True
        self.set_focus(bar)  # now, not when there is time: the next key may be there already

    @on(FilterBar.Changed)
    def _filter_changed(self) -> None:
        self._changed()

    @on(FilterBar.Submitted)
    def _filter_kept(self) -> None:
        if not self.filter_text:
            self.query_one(FilterBar).display = False
        self.action_focus_view()

    def action_clear_filter(self) -> None:
        bar = self.query_one(FilterBar)
        bar.clear()
        bar.display = False
        self.action_focus_view()
        self._changed()

    def action_worst(self) -> None:
        self._sort("name" if self.order == "worst first" else "worst first")

    def action_sort(self) -> None:
        self.app.push_screen(Pick("Order of the rows", choices.orders(self.order)), self._sort)

    def _sort(self, order: str | None) -> None:
        if order is not None:
            self.order = cast(Order, order)
            self._changed()

    def action_namespace(self) -> None:
        if self.shown is not None:
            self.app.push_screen(Pick("Namespace", choices.namespaces(self.shown)), self._choose_namespace)

    def _choose_namespace(self, name: str | None) -> None:
        if name is not None:
            self.namespace = name or None
            self._changed()

    def action_freeze(self) -> None:
        self.feed.frozen = not self.feed.frozen
        goes = "The picture stands still. f lets it go on." if self.feed.frozen else "The picture goes on."
        self.status.say(goes)
        self._changed()

    def action_follow(self) -> None:
        self.following = not self.following
        self.status.say(
            "The cursor follows what changes. F stops that." if self.following else "The cursor stays."
        )
        self._changed()

    def action_tab(self, tab: Tab) -> None:
        self.detail.tab = tab
        self._open_detail()
        self.detail.turn_to(tab)

    def action_zoom(self) -> None:
        self.toggle_class("-zoomed")
        if self.has_class("-zoomed"):
            self._open_detail()
        else:
            self.action_focus_view()

    def action_hide_detail(self) -> None:
        self.remove_class("-zoomed")
        shown = self.detail.display
        self.set_class(shown, "-detail-closed")
        self.set_class(not shown, "-detail-open")
        self.action_focus_view()
        self.call_after_refresh(self._moved)

    def action_switch_focus(self) -> None:
        if self.detail.has_pseudo_class("focus-within") or not self.detail.display:
            self.action_focus_view()
        else:
            self.detail.body.focus()

    def action_back(self) -> None:
        if self.has_class("-zoomed"):
            self.remove_class("-zoomed")
        elif self.has_class("-detail-open") and self.has_class("-narrow"):
            self.remove_class("-detail-open")
        elif not self.detail.has_pseudo_class("focus-within") and self.filter_text:
            self.action_clear_filter()
        self.action_focus_view()
