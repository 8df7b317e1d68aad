"""Spans to styled text, with the theme's roles and without any markup."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from kinspect.outline.rows import Span
from kinspect.outline.visible import visible
from kinspect.tui.theme import Theme


def text_of(spans: Iterable[Span], theme: Theme, gap: str = "  ") -> Text:
    """The spans side by side. Cluster text is made visible here; a Text never reads markup."""
    text = Text(no_wrap=True, overflow="ellipsis", end="")
    for span in spans:
        if span.text:
            if text:
                text.append(gap)
            text.append(visible(span.text), theme.styles[span.role])
    return text
