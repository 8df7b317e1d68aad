"""Themes: one TOML file each, named by what a colour means. A bad file is reported and never fatal.

A theme gives five surfaces and one style per role. The roles are those of the outline's spans, and three that
only a screen has: what was dropped, what just changed, what the program itself says (accent).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, NamedTuple, Protocol, cast

import msgspec
from rich.style import Style
from textual.theme import Theme as TextualTheme
from textual.widget import Widget

from kinspect.outline.visible import visible
from kinspect.shipped import shipped

DEFAULT = "dark"

Colour = Annotated[str, msgspec.Meta(pattern="^#[0-9a-fA-F]{6}$")]
RoleStyle = Annotated[str, msgspec.Meta(pattern="^((bold|italic|underline) )*#[0-9a-fA-F]{6}$")]


class Surface(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    background: Colour
    panel: Colour
    cursor: Colour
    border: Colour
    text: Colour


class Roles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    title: RoleStyle
    kind: RoleStyle
    address: RoleStyle
    fact: RoleStyle
    dim: RoleStyle
    ready: RoleStyle
    degraded: RoleStyle
    broken: RoleStyle
    unknown: RoleStyle
    translated: RoleStyle
    dropped: RoleStyle
    accent: RoleStyle
    changed: RoleStyle


class ThemeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a theme file says; `title` is what the person sees, the file's name what settings use."""

    title: str
    dark: bool
    surface: Surface
    roles: Roles


class Theme(NamedTuple):
    name: str
    file: ThemeFile
    styles: Mapping[str, Style]
    """Role → style, foreground only: the surface below stays what it is."""

    @property
    def cursor(self) -> Style:
        return Style(bgcolor=self.file.surface.cursor)

    def textual(self) -> TextualTheme:
        """The same theme in the toolkit's own terms, for frames, inputs and scrollbars."""
        surface, roles = self.file.surface, self.file.roles
        return TextualTheme(
            name=self.name,
            primary=_colour(roles.accent),
            secondary=_colour(roles.translated),
            accent=_colour(roles.accent),
            warning=_colour(roles.degraded),
            error=_colour(roles.broken),
            success=_colour(roles.ready),
            foreground=surface.text,
            background=surface.background,
            surface=surface.background,
            panel=surface.panel,
            dark=self.file.dark,
            variables={
                "border": surface.border,
                "border-blurred": surface.border,
                "cursor-line": surface.cursor,
                "quiet": _colour(roles.dim),
                "block-cursor-background": surface.cursor,
                "block-cursor-foreground": surface.text,
                "block-cursor-text-style": "none",
                "block-cursor-blurred-background": surface.cursor,
                "block-cursor-blurred-foreground": surface.text,
                "scrollbar": surface.border,
                "scrollbar-hover": _colour(roles.dim),
                "scrollbar-active": _colour(roles.accent),
                "scrollbar-background": surface.background,
                "scrollbar-background-hover": surface.background,
                "scrollbar-background-active": surface.background,
                "scrollbar-corner-color": surface.background,
                "input-selection-background": surface.cursor,
            },
        )


class Failed(NamedTuple):
    """A theme file that could not be used, and why, in one line that is safe to show."""

    path: Path
    reason: str


class Themes(NamedTuple):
    """All themes by name, user's over shipped ones, and the files that failed."""

    by_name: Mapping[str, Theme]
    failed: tuple[Failed, ...] = ()

    def get(self, name: str) -> Theme:
        """The theme of this name, or the default one."""
        return self.by_name.get(name) or self.by_name[DEFAULT]


def load_themes(folders: Iterable[Path] | None = None) -> Themes:
    """Reads `*.toml` of the shipped folder and then of the user's (a theme of the same name replaces)."""
    by_name: dict[str, Theme] = {}
    failed: list[Failed] = []
    for folder in folders if folders is not None else (shipped("themes"), user_folder()):
        for path in sorted(folder.glob("*.toml")):
            try:
                by_name[path.stem] = read_theme(path)
            except (OSError, ValueError) as error:
                failed.append(Failed(path, visible(" ".join(str(error).split()))))
    return Themes(by_name, tuple(failed))


def read_theme(path: Path) -> Theme:
    """Raises OSError, or ValueError (not TOML, not UTF-8, a role missing, not a colour)."""
    with path.open("rb") as file:
        read = msgspec.convert(tomllib.load(file), ThemeFile)
    styles = {name: Style.parse(getattr(read.roles, name)) for name in Roles.__struct_fields__}
    return Theme(path.stem, read, styles)


def user_folder() -> Path:
    """`$XDG_CONFIG_HOME/kinspect/themes`, by default under ~/.config; it need not exist."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "kinspect" / "themes"


def _colour(style: str) -> str:
    return style.split()[-1]


class Themed(Protocol):
    """An app that wears a theme."""

    look: Theme


def look(widget: Widget) -> Theme:
    """The theme that the widget's app wears now."""
    return cast(Themed, widget.app).look
