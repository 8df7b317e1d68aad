"""A tree of any size, drawn line by line: only the rows on the screen are ever asked what they say.

Theory of operation:

1. The rows and what is open are the Forest's; the words on a row are `row.line(snapshot)`, asked when drawn.
2. `tick` lets the forest catch up for a few milliseconds, then puts cursor and scroll back where the *row* is
   now. Until the person has moved, the cursor stays on the first line: the tree grows below it.
3. A line that reads differently than when it was last seen is marked for a moment, and so is a new row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from kinspect.model.meta import Ref
from kinspect.outline.rows import Line, Row, RowId
from kinspect.outline.visible import visible
from kinspect.tui.columns import shorten_end
from kinspect.tui.forest import Branches, Forest
from kinspect.tui.keys import ROWS, bindings
from kinspect.tui.marks import Marks
from kinspect.tui.theme import look
from kinspect.tui.views import Shown
from kinspect.tui.widgets.rowline import Look, RowLines, triangle_at

BUDGET_S = 0.004
OPEN_LIMIT = 20_000


class TreeView(ScrollView, can_focus=True):
    """The tree of some branches. Also the ViewPane of the views that are trees."""

    DEFAULT_CSS = """
    TreeView { overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1; background: $background; }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(ROWS)

    class Moved(Message):
        """The cursor stands on another row."""

    class Chosen(Message):
        """The person wants to know more about the row under the cursor."""

    def __init__(self, branches_of: Callable[[Shown], Branches], open_depth: int = 0) -> None:
        super().__init__()
        self.words: tuple[str, ...] = ()
        """What stands in the middle while there are no rows: why, and what to do."""
        self.shown: Shown | None = None
        self._branches_of = branches_of
        self._open_depth = open_depth
        self._forest = Forest(monotonic, open_depth)
        self._marks = Marks()
        self._lines = RowLines()
        self._drawn_version = 0
        self._said: dict[RowId, Line] = {}
        """What rows say in the snapshot that is shown."""
        self._cursor = 0
        self._moved = False
        self._announced: RowId | None = None
        self._surface = Style.null()

    # What the screen asks

    @property
    def row(self) -> Row | None:
        rows = self._forest.rows
        return rows[self._cursor] if self._cursor < len(rows) else None

    @property
    def selected(self) -> Ref | None:
        return self.row.ref if self.row else None

    @property
    def visible_refs(self) -> Sequence[Ref]:
        return list(dict.fromkeys(row.ref for row in self._window() if row.ref))

    @property
    def count(self) -> int:
        return len(self._forest.rows)

    def show(self, shown: Shown) -> None:
        before, self.shown = self.shown, shown
        settled = before is not None and shown.marking and not before.marking
        if settled:
            self._lines.columns.start_over()  # "endpoints unknown" and its like are gone
        self._said.clear()
        asked = before is None or before.question != shown.question
        self._forest.show(self._branches_of(shown), at_once=asked)
        if asked:
            kept = self.row if before and before.order == shown.order and not shown.wanted else None
            self._forest.open_to(max(self._open_depth, 1) if shown.wanted else self._open_depth)
            self._start_over()
            self._catch_up(shown, news=False)
            self._land(kept, matching=bool(shown.wanted))
        elif settled:
            self._catch_up(shown, news=False)

    def tick(self) -> None:
        """Catches up, marks what changed, and draws again if anything did."""
        if self.shown is not None:
            self._catch_up(self.shown, news=self.shown.marking)

    def reveal(self, ref: Ref) -> bool:
        return False

    def go_along(self, path: Sequence[Row]) -> bool:
        """Opens the way to the last row of the path and puts the cursor on it; False if it is not there."""
        at = self._forest.reveal(path)
        if at is None:
            return False
        self._cursor = at
        self._rows_changed()
        return True

    # Growing

    def _window(self) -> list[Row]:
        top = self.scroll_offset.y
        return self._forest.rows[top : top + max(self.size.height, 1)]

    def _catch_up(self, shown: Shown, *, news: bool) -> None:
        now, columns = monotonic(), self._lines.columns
        grew = self._grow()
        arrived, self._forest.arrived = self._forest.arrived, []
        if news:
            self._marks.arrived(arrived, now)
        for row in self._window():
            line = self._line(row, shown)
            columns.measure(row.kind, row.depth, line.spans)
            self._marks.read(row.id, line, now, news=news)
        if self._marks.fade(now) or grew or columns.version != self._drawn_version:
            self._drawn_version = columns.version
            self.refresh()
        self._announce()

    def _grow(self) -> bool:
        top = self.scroll_offset.y
        row, above = self.row, self._cursor - top
        if not self._forest.grow(top, top + max(self.size.height, 1), BUDGET_S):
            return False
        self._measure()
        if row is not None and self._moved:
            self._cursor = self._forest.place_of(row.id, self._cursor)
            if 0 <= above < self.size.height and self._cursor - above != top:
                self.scroll_to(y=self._cursor - above, animate=False, immediate=True)
        return True

    def _measure(self) -> None:
        """Tells the scroll bar how many rows there are."""
        if self.virtual_size.height != len(self._forest.rows):
            self.virtual_size = Size(self.scrollable_content_region.width, len(self._forest.rows))

    def _line(self, row: Row, shown: Shown) -> Line:
        line = self._said.get(row.id)
        if line is None:
            line = self._said[row.id] = row.line(shown.snapshot)
        return line

    def _announce(self) -> None:
        id_ = self.row.id if self.row else ()
        if id_ != self._announced:
            self._announced = id_
            self.post_message(self.Moved())

    # Drawing

    def render_lines(self, crop: Region) -> list[Strip]:
        self._surface = self.rich_style
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        width, rows, shown = self.scrollable_content_region.width, self._forest.rows, self.shown
        at = self.scroll_offset.y + y
        if not rows:
            return self._words_line(y, width)
        if at >= len(rows) or shown is None:
            return Strip.blank(width, self._surface)
        row = rows[at]
        opened = self._forest.is_open(row) if row.expandable(shown.snapshot) else None
        drawn = Look(at == self._cursor, row.id in self._marks, opened)
        return self._lines.strip(row, self._line(row, shown), drawn, width, self._surface, look(self))

    def _words_line(self, y: int, width: int) -> Strip:
        first = max((self.size.height - len(self.words)) // 3, 1)
        if not first <= y < first + len(self.words):
            return Strip.blank(width, self._surface)
        role = "title" if y == first else "dim"
        text = "   " + shorten_end(visible(self.words[y - first]), width - 4)
        words = Strip([Segment(text, self._surface + look(self).styles[role])])
        return words.extend_cell_length(width, self._surface)

    def on_resize(self) -> None:
        self._lines.columns.resized(self.size.width)
        self._keep_in_view()

    # Moving

    def _go(self, at: int) -> None:
        """Puts the cursor on the row at this index, or the nearest there is."""
        self._moved = True
        self._cursor = min(max(at, 0), max(len(self._forest.rows) - 1, 0))
        self._keep_in_view()
        self.refresh()
        self._announce()

    def _start_over(self) -> None:
        self._moved, self._cursor = False, 0
        self.scroll_to(y=0, animate=False, immediate=True)

    def _land(self, kept: Row | None, *, matching: bool) -> None:
        """After another question: the cursor stays on this row, or goes to the first that was found."""
        rows, at = self._forest.rows, None
        if matching:
            at = next((at for at, row in enumerate(rows) if row.kind != "Namespace"), None)
        elif kept is not None:
            at = self._forest.index_of(kept.id)
        if at is not None:
            self._go(at)

    def _keep_in_view(self) -> None:
        top, height = self.scroll_offset.y, max(self.size.height, 1)
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, immediate=True)
        elif self._cursor >= top + height:
            self.scroll_to(y=self._cursor - height + 1, animate=False, immediate=True)

    def _rows_changed(self) -> None:
        """After opening or closing by hand: the cursor is on its row already."""
        self._forest.arrived.clear()
        self._measure()
        self._go(self._cursor)

    def action_move(self, by: int) -> None:
        self._go(self._cursor + by)

    def action_page(self, by: int) -> None:
        self._go(self._cursor + by * max(self.size.height - 1, 1))

    def action_jump(self, to: int) -> None:
        self._go(to if to >= 0 else len(self._forest.rows) + to)

    def action_trouble(self, by: int) -> None:
        rows, at = self._forest.rows, self._cursor + by
        while self.shown is not None and 0 <= at < len(rows):
            if self._line(rows[at], self.shown).state in ("broken", "degraded"):
                self._go(at)
                return
            at += by
        self.app.bell()

    # Opening and closing

    def action_into(self) -> None:
        if self.row is not None and self._forest.is_open(self.row):
            self._go(self._cursor + 1)
        else:
            self._change(self._forest.open)

    def action_out(self) -> None:
        if self.row is None or self._forest.is_open(self.row):
            self._change(self._forest.close)
        elif (parent := self._forest.parent_of(self._cursor)) is not None:
            self._go(parent)

    def action_open_or_close(self) -> None:
        opened = self.row is not None and self._forest.is_open(self.row)
        self._change(self._forest.close if opened else self._forest.open)

    def action_open_below(self) -> None:
        self._change(lambda at: self._forest.open_below(at, OPEN_LIMIT))

    def action_open_level(self) -> None:
        self._change(lambda at: self._forest.open_level(OPEN_LIMIT))

    def action_close_all(self) -> None:
        self._change(lambda at: self._forest.close_all())

    def _change(self, change: Callable[[int], None]) -> None:
        """Opens or closes rows; the cursor stays on its row, or on what that is in."""
        if (row := self.row) is not None:
            change(self._cursor)
            self._cursor = self._forest.place_of(row.id, self._cursor)
            self._rows_changed()

    def action_choose(self) -> None:
        if self.row is not None:
            self.post_message(self.Chosen())

    def on_click(self, event: Click) -> None:
        at = self.scroll_offset.y + event.y
        if at >= len(self._forest.rows):
            return
        again = at == self._cursor
        self._go(at)
        start, end = triangle_at(self._forest.rows[at])
        if start <= event.x < end:
            self.action_open_or_close()
        elif again and event.chain == 2:
            self.action_choose()
