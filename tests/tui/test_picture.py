"""The README's pictures come from the program: a snapshot file in, an SVG of the screen out."""

from __future__ import annotations

from pathlib import Path

from kinspect.model import codec
from kinspect.tui.picture import main
from tests.tui.world import world


def test_a_picture_of_a_snapshot(tmp_path: Path) -> None:
    (tmp_path / "world.json").write_bytes(codec.encode(world(live=False), "test"))
    out = tmp_path / "world.svg"
    assert main([str(out), str(tmp_path / "world.json"), "--size", "100x20", "--keys", "down down"]) == 0
    drawn = out.read_text()
    assert drawn.startswith("<svg")
    assert "checkout" in drawn
    assert "\x1b" not in drawn
