"""How one row becomes one line: gutter, triangle, glyph and the columns, in the colours of the theme."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from kinspect.outline.rows import GLYPH, STATE_ROLE, Line, Row, RowId
from kinspect.tui.columns import Columns
from kinspect.tui.theme import Theme

INDENT = 2
MARGIN = 5
"""The cells before the title besides the indentation: gutter, triangle, glyph."""
KEPT = 500


class Look(NamedTuple):
    """How a row stands there, besides what it says. `opened` None = there is nothing in it."""

    under_cursor: bool
    marked: bool
    opened: bool | None


class RowLines:
    """Draws rows, each anew only if anything on it is different. `columns` are what the rows share."""

    def __init__(self) -> None:
        self.columns = Columns()
        self._kept: dict[RowId, tuple[object, Strip]] = {}

    def strip(self, row: Row, line: Line, look: Look, width: int, surface: Style, theme: Theme) -> Strip:
        """The line, exactly `width` wide."""
        depends = (line, look, width, surface, theme.name, self.columns.version)
        before = self._kept.get(row.id)
        if before is not None and before[0] == depends:
            return before[1]
        base = surface + theme.cursor if look.under_cursor else surface
        strip = _filled(self._parts(row, line, look, width), width, base, theme)
        if len(self._kept) > KEPT:
            self._kept.clear()
        self._kept[row.id] = (depends, strip)
        return strip

    def _parts(self, row: Row, line: Line, look: Look, width: int) -> Iterable[tuple[str, str]]:
        margin = INDENT * row.depth
        if look.under_cursor:
            yield "▌", "accent"
        else:
            yield ("•", "changed") if look.marked else (" ", "dim")
        triangle = " " if look.opened is None else "▾" if look.opened else "▸"
        yield f"{' ' * margin}{triangle} ", "changed" if look.marked else "dim"
        yield f"{GLYPH[line.state]} ", STATE_ROLE[line.state]
        yield from self.columns.lay_out(row.kind, row.depth, line.spans, width - margin - MARGIN)


def triangle_at(row: Row) -> tuple[int, int]:
    """The first cell of the row's triangle, and the one after its last."""
    at = 1 + INDENT * row.depth
    return at, at + 2


def _filled(parts: Iterable[tuple[str, str]], width: int, base: Style, theme: Theme) -> Strip:
    """The texts side by side on a surface that fills the width."""
    segments = [Segment(text, base + theme.styles[role]) for text, role in parts if text]
    used = sum(segment.cell_length for segment in segments)
    if used > width:
        return Strip(segments).crop(0, width)
    return Strip([*segments, Segment(" " * (width - used), base)], width)
