"""Pictures of the screen for the README, drawn by the program itself: what they show is what it does.

python -m kinspect.tui.picture OUT.svg SNAPSHOT [--size 120x32] [--theme NAME] [--keys "w down enter"]
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path

from kinspect.errors import EXIT_OK
from kinspect.inspection import Inspection
from kinspect.model import codec
from kinspect.model.snapshot import Snapshot
from kinspect.tui.app import KinspectApp
from kinspect.tui.options import TuiOptions

READY_S = 30.0


async def picture(snapshot: Snapshot, size: tuple[int, int], keys: Sequence[str], theme: str | None) -> str:
    """The screen as SVG after these keys, once everything in the snapshot has been judged."""
    app = KinspectApp(lambda context: Inspection(None, snapshot), TuiOptions(theme=theme))
    async with app.run_test(size=size) as pilot:
        async with asyncio.timeout(READY_S):
            while app.main.shown is None or app.main.shown.pending or not app.main.shown.judgments:
                await pilot.pause(0.05)
        for key in keys:
            await pilot.press(key)
        app.main.redraw()
        app.main.tick()
        await pilot.pause()
        return app.export_screenshot(title="kinspect")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m kinspect.tui.picture", description=__doc__)
    parser.add_argument("out", type=Path, help="the SVG file to write")
    parser.add_argument("snapshot", type=Path, help="a file that `kinspect snapshot` wrote")
    parser.add_argument("--size", default="120x32", help="columns x lines")
    parser.add_argument("--theme", help="a theme by name")
    parser.add_argument("--keys", default="", help="keys to press first, by Textual's names")
    args = parser.parse_args(argv)
    columns, _, lines = args.size.partition("x")
    read = codec.decode(args.snapshot.read_bytes(), str(args.snapshot))
    drawn = picture(read, (int(columns), int(lines)), args.keys.split(), args.theme)
    args.out.write_text(asyncio.run(drawn), encoding="utf-8")
    return EXIT_OK


if __name__ == "__main__":
    raise SystemExit(main())
