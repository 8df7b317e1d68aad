"""Themes: the shipped ones can be read, in both senses; a bad one is reported and the rest still work."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.color import Color

from kinspect.shipped import shipped
from kinspect.tui.theme import Roles, Themes, load_themes, read_theme, user_folder

SHIPPED = sorted(path.stem for path in shipped("themes").glob("*.toml"))


def themes_in(*folders: Path) -> Themes:
    return load_themes((shipped("themes"), *folders))


def test_at_least_dark_light_and_colour_blind_safe_are_shipped() -> None:
    assert {"dark", "light", "colour-blind"} <= set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("role", Roles.__struct_fields__)
def test_every_role_has_contrast_enough_on_every_surface(name: str, role: str) -> None:
    """4.5:1, as WCAG 2.1 asks of text, also on the panel and under the cursor (there 4:1)."""
    theme = themes_in().get(name)
    colour = theme.styles[role].color
    assert colour is not None
    surface = theme.file.surface
    assert contrast(colour, surface.background) >= 4.5
    assert contrast(colour, surface.panel) >= 4.5
    assert contrast(colour, surface.cursor) >= 4.0


@pytest.mark.parametrize("name", SHIPPED)
def test_states_are_told_apart_by_more_than_lightness(name: str) -> None:
    styles = themes_in().get(name).styles
    assert len({styles[role].color for role in ("ready", "degraded", "broken", "unknown")}) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = ", "Invalid value"),
        ('title = "x"\ndark = true\n', "surface"),
        ("\xff", "utf-8"),
        (
            "{surface}[roles]\n" + "".join(f'{role} = "#ffffff"\n' for role in Roles.__struct_fields__[1:]),
            "title",
        ),
        ("{surface}[roles]\n" + "".join(f'{role} = "pink"\n' for role in Roles.__struct_fields__), "$.roles"),
        ("{surface}[roles]\nsparkle = '#ffffff'\n", "roles"),
    ],
)
def test_a_bad_theme_is_reported_and_the_others_stay(tmp_path: Path, text: str, said: str) -> None:
    surface = 'title = "Bad"\ndark = true\n[surface]\n' + "".join(
        f'{name} = "#000000"\n' for name in ("background", "panel", "cursor", "border", "text")
    )
    (tmp_path / "bad.toml").write_bytes(text.replace("{surface}", surface).encode("latin-1"))
    themes = themes_in(tmp_path)
    assert [failed.path.name for failed in themes.failed] == ["bad.toml"]
    assert said in themes.failed[0].reason
    assert set(themes.by_name) == set(SHIPPED)


def test_a_users_theme_replaces_a_shipped_one_of_its_name(tmp_path: Path) -> None:
    text = (shipped("themes") / "dark.toml").read_text()
    (tmp_path / "dark.toml").write_text(text.replace('title = "Dark"', 'title = "Mine"'))
    assert themes_in(tmp_path).get("dark").file.title == "Mine"


def test_an_unknown_name_gets_the_default() -> None:
    assert themes_in().get("no-such").name == "dark"


def test_the_users_folder_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert user_folder() == tmp_path / "kinspect" / "themes"


def test_styles_leave_the_surface_alone() -> None:
    theme = read_theme(shipped("themes") / "dark.toml")
    assert all(style.bgcolor is None for style in theme.styles.values())


def contrast(colour: Color, surface: str) -> float:
    """The contrast ratio of WCAG 2.1."""
    light, dark = sorted((luminance(colour), luminance(Color.parse(surface))), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: Color) -> float:
    def linear(channel: int) -> float:
        value = channel / 255
        return value / 12.92 if value <= 0.03928 else float(((value + 0.055) / 1.055) ** 2.4)

    red, green, blue = colour.get_truecolor()
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
