"""A tree of any size, drawn line by line: only the rows on the screen are ever asked what they say.

Theory of operation:

1. The rows and what is open are the Forest's; the words on a row are `row.line(snapshot)`, asked when drawn.
2. `tick` lets the forest catch up for a few milliseconds, then puts cursor and scroll back where the *row* is
   now. Until the person has moved, the cursor stays on the first line: the tree grows below it.
3. A line that reads differently than when it was last seen is marked for MARK_S, and so is a new row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
from kinspect.outline.perspectives import Perspective
from kinspect.outline.rows import GLYPH, STATE_ROLE, Line, Row, RowId
from kinspect.tui.branches import OutlineBranches, Question
from kinspect.tui.columns import Columns, shorten_end
from kinspect.tui.forest import Branches, Forest
from kinspect.tui.keys import ROWS, bindings
from kinspect.tui.places import path_to
from kinspect.tui.theme import Theme, look
from kinspect.tui.views import Shown

BUDGET_S = 0.004
MARK_S = 2.5
OPEN_LIMIT = 20_000
INDENT = 2
MARGIN = 5
"""The cells before the title besides the indentation: gutter, triangle, glyph."""
STRIPS_KEPT = 500


class TreeView(ScrollView, can_focus=True):
    """The tree of some branches. Also the ViewPane of the views that are trees."""

    DEFAULT_CSS = """
    TreeView {
        overflow-x: hidden;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        background: $background;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(ROWS)

    class Moved(Message):
        """The cursor stands on another row; `row` None = there are no rows."""

        def __init__(self, row: Row | None) -> None:
            self.row = row
            super().__init__()

    class Chosen(Message):
        """The person wants to know more about the row under the cursor."""

    def __init__(self, branches_of: Callable[[Shown], Branches], open_depth: int = 0) -> None:
        super().__init__()
        self.words: tuple[str, ...] = ()
        """What stands in the middle while there are no rows: why, and what to do."""
        self._branches_of = branches_of
        self._open_depth = open_depth
        self._forest = Forest(monotonic, open_depth)
        self._columns = Columns()
        self._columns_drawn = 0
        self._shown: Shown | None = None
        self._cursor = 0
        self._moved = False
        self._announced: RowId | None = None
        self._base = Style.null()
        self._strips: dict[RowId, tuple[object, Strip]] = {}
        """The lines as they were last drawn, each with all that it depends on."""
        self._drawn: dict[RowId, Line] = {}
        """What rows say in the snapshot that is shown."""
        self._read: dict[RowId, Line] = {}
        """What rows said when they were last on the screen."""
        self._marked: dict[RowId, float] = {}
        """Until when a row is marked as changed."""

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
        before, self._shown = self._shown, shown
        if before and shown.marking and not before.marking:
            self._columns.start_over()  # "endpoints unknown" and its like are gone
        asked = before is None or before.question != shown.question
        kept = self.row if before and before.order == shown.order and not shown.wanted else None
        self._drawn.clear()
        self._forest.show(self._branches_of(shown), at_once=asked)
        if asked:
            self._forest.open_to(max(self._open_depth, 1) if shown.wanted else self._open_depth)
            self._moved = False
            self._go_to_top()
            self._catch_up(asked_anew=True)
            self._land(kept, matching=bool(shown.wanted))

    def tick(self) -> None:
        """Catches up, marks what changed, and draws again if anything did."""
        self._catch_up(asked_anew=False)

    def _catch_up(self, *, asked_anew: bool) -> None:
        if self._shown is None:
            return
        now = monotonic()
        grew = self._grow()
        self._mark_changes(now, fresh=asked_anew or not self._shown.marking)
        faded = [id_ for id_, until in self._marked.items() if until <= now]
        for id_ in faded:
            del self._marked[id_]
        if grew or faded or self._columns.version != self._columns_drawn:
            self._columns_drawn = self._columns.version
            self.refresh()
        self._announce()

    def reveal(self, ref: Ref) -> bool:
        return False

    # Growing and marking

    def _top(self) -> int:
        return self.scroll_offset.y

    def _window(self) -> list[Row]:
        return self._forest.rows[self._top() : self._top() + max(self.size.height, 1)]

    def _grow(self) -> bool:
        forest, top = self._forest, self._top()
        on, above = self.row, self._cursor - top
        if not forest.grow(top, top + max(self.size.height, 1), BUDGET_S):
            return False
        self._settle(on.id if on and self._moved else None, above)
        return True

    def _settle(self, id_: RowId | None, above: int) -> None:
        """After rows have changed: the cursor goes to where this row is, as far from the top as it was."""
        count = len(self._forest.rows)
        if self.virtual_size.height != count:
            self.virtual_size = Size(self.scrollable_content_region.width, count)
        if id_ is None:
            return
        self._cursor = self._forest.place_of(id_, self._cursor)
        if 0 <= above < self.size.height and self._cursor - above != self._top():
            self.scroll_to(y=self._cursor - above, animate=False, immediate=True)

    def _mark_changes(self, now: float, *, fresh: bool) -> None:
        """Compares what the rows on the screen say with what they said."""
        arrived, self._forest.arrived = self._forest.arrived, []
        for row in self._window():
            line, before = self._line(row), self._read.get(row.id)
            self._columns.measure(row.kind, row.depth, line.spans)
            if before != line:
                self._read[row.id] = line
                if before is not None and not fresh:
                    self._marked[row.id] = now + MARK_S
        if not fresh:
            self._marked.update((id_, now + MARK_S) for id_ in arrived[:OPEN_LIMIT])

    def _line(self, row: Row) -> Line:
        line = self._drawn.get(row.id)
        if line is None:
            assert self._shown is not None
            line = self._drawn[row.id] = row.line(self._shown.snapshot)
        return line

    def _announce(self) -> None:
        row = self.row
        id_ = row.id if row else ()
        if id_ != self._announced:
            self._announced = id_
            self.post_message(self.Moved(row))

    # Drawing

    def render_lines(self, crop: Region) -> list[Strip]:
        self._base = self.rich_style
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        at = self._top() + y
        rows = self._forest.rows
        if not rows:
            return self._words_line(y, width)
        if at >= len(rows) or self._shown is None:
            return Strip.blank(width, self._base)
        return self._strip(rows[at], width, at == self._cursor)

    def _words_line(self, y: int, width: int) -> Strip:
        first = max((self.size.height - len(self.words)) // 3, 1)
        if not first <= y < first + len(self.words):
            return Strip.blank(width, self._base)
        role = "title" if y == first else "dim"
        text = "   " + shorten_end(self.words[y - first], width - 4)
        words = Strip([Segment(text, self._base + look(self).styles[role])])
        return words.extend_cell_length(width, self._base)

    def _strip(self, row: Row, width: int, under_cursor: bool) -> Strip:
        """The line of a row, drawn anew only if anything on it is different."""
        assert self._shown is not None
        theme, line = look(self), self._line(row)
        marked, opened = row.id in self._marked, self._forest.is_open(row)
        expandable = row.expandable(self._shown.snapshot)
        version = self._columns.version
        depends = (line, under_cursor, marked, opened, expandable, width, version, theme.name, self._base)
        before = self._strips.get(row.id)
        if before is not None and before[0] == depends:
            return before[1]
        gutter = ("▌", "accent") if under_cursor else ("•", "changed") if marked else (" ", "dim")
        twisty = ("▾" if opened else "▸") if expandable else " "
        margin = INDENT * row.depth
        parts = (
            gutter,
            (f"{' ' * margin}{twisty} ", "changed" if marked and under_cursor else "dim"),
            (f"{GLYPH[line.state]} ", STATE_ROLE[line.state]),
            *self._columns.lay_out(row.kind, row.depth, line.spans, width - margin - MARGIN),
        )
        strip = _filled(parts, width, self._base + theme.cursor if under_cursor else self._base, theme)
        if len(self._strips) > STRIPS_KEPT:
            self._strips.clear()
        self._strips[row.id] = (depends, strip)
        return strip

    def on_resize(self) -> None:
        self._columns.resized(self.size.width)
        self._keep_in_view()

    # Moving

    def _go(self, at: int) -> None:
        """Puts the cursor on the row at this index, or the nearest there is."""
        self._moved = True
        self._cursor = min(max(at, 0), max(len(self._forest.rows) - 1, 0))
        self._keep_in_view()
        self.refresh()
        self._announce()

    def _go_to_top(self) -> None:
        self._cursor = 0
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
        top, height = self._top(), max(self.size.height, 1)
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, immediate=True)
        elif self._cursor >= top + height:
            self.scroll_to(y=self._cursor - height + 1, animate=False, immediate=True)

    def _rows_changed(self) -> None:
        """After opening or closing by hand: the cursor is on its row already."""
        self._moved = True
        self._forest.arrived.clear()
        self._settle(None, 0)
        self._go(self._cursor)

    def action_move(self, by: int) -> None:
        self._go(self._cursor + by)

    def action_page(self, by: int) -> None:
        self._go(self._cursor + by * max(self.size.height - 1, 1))

    def action_jump(self, to: int) -> None:
        self._go(to if to >= 0 else len(self._forest.rows) + to)

    def action_trouble(self, by: int) -> None:
        rows, at = self._forest.rows, self._cursor + by
        while 0 <= at < len(rows):
            if self._line(rows[at]).state in ("broken", "degraded"):
                self._go(at)
                return
            at += by
        self.app.bell()

    def action_into(self) -> None:
        if (row := self.row) is None:
            return
        if self._forest.is_open(row):
            self._go(self._cursor + 1)
        else:
            self._forest.open(self._cursor)
            self._rows_changed()

    def action_out(self) -> None:
        if (row := self.row) is None:
            return
        if self._forest.is_open(row):
            self._forest.close(self._cursor)
            self._rows_changed()
        elif (parent := self._forest.parent_of(self._cursor)) is not None:
            self._go(parent)

    def action_open_or_close(self) -> None:
        if (row := self.row) is not None:
            (self._forest.close if self._forest.is_open(row) else self._forest.open)(self._cursor)
            self._rows_changed()

    def action_open_below(self) -> None:
        if self.row is not None:
            self._forest.open_below(self._cursor, OPEN_LIMIT)
            self._rows_changed()

    def action_open_level(self) -> None:
        self._reshape(lambda: self._forest.open_level(OPEN_LIMIT))

    def action_close_all(self) -> None:
        self._reshape(self._forest.close_all)

    def _reshape(self, change: Callable[[], None]) -> None:
        """Opens or closes many rows, and keeps the cursor on its row or on what that is in."""
        if (row := self.row) is not None:
            change()
            self._cursor = self._forest.place_of(row.id, self._cursor)
            self._rows_changed()

    def action_choose(self) -> None:
        if self.row is not None:
            self.post_message(self.Chosen())

    def on_click(self, event: Click) -> None:
        at = self._top() + event.y
        if at >= len(self._forest.rows):
            return
        again = at == self._cursor
        self._go(at)
        twisty = 1 + INDENT * self._forest.rows[at].depth
        if event.x in (twisty, twisty + 1):
            self.action_open_or_close()
        elif again and event.chain == 2:
            self.action_choose()


def _filled(parts: Iterable[tuple[str, str]], width: int, base: Style, theme: Theme) -> Strip:
    """The texts side by side on a surface that fills the width."""
    segments = [Segment(text, base + theme.styles[role]) for text, role in parts if text]
    used = sum(segment.cell_length for segment in segments)
    if used > width:
        return Strip(segments).crop(0, width)
    return Strip([*segments, Segment(" " * (width - used), base)], width)


class OutlineTree(TreeView):
    """A tree of the outline, from one perspective."""

    def __init__(self, perspective: Perspective, open_depth: int) -> None:
        def branches(shown: Shown) -> OutlineBranches:
            question = Question(perspective, shown.namespace, shown.wanted, shown.order)
            return OutlineBranches(shown.snapshot, question)

        super().__init__(branches, open_depth)
        self._perspective = perspective

    def reveal(self, ref: Ref) -> bool:
        path = path_to(self._shown.snapshot, self._perspective, ref) if self._shown else []
        at = self._forest.reveal(path) if path else None
        if at is None:
            return False
        self._settle(None, 0)
        self._go(at)
        return True
