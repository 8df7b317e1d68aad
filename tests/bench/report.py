"""RESULTS.md: one section for each benchmark, replaced when it is run again."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

RESULTS = Path(__file__).parent / "RESULTS.md"
HEAD = """# Measured

Written by `python -m tests.bench [name …]` (`make bench`). Seconds depend on the machine and on what else it
does; ratios of one run do not. ✓ and ✗ tell whether the target was met in that run.
"""


class Row(NamedTuple):
    """`met` None = there is no target to meet."""

    what: str
    measured: str
    target: str = ""
    met: bool | None = None


class Section(NamedTuple):
    name: str
    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def below(what: str, value: float, unit: str, target: float) -> Row:
    return Row(what, f"{value:,.3g} {unit}", f"≤ {target:,g} {unit}", value <= target)


def above(what: str, value: float, unit: str, target: float) -> Row:
    return Row(what, f"{value:,.3g} {unit}", f"≥ {target:,g} {unit}", value >= target)


def write(section: Section) -> str:
    """Puts the section into RESULTS.md and returns it as text."""
    text = _text(section)
    known = RESULTS.read_text() if RESULTS.exists() else HEAD
    begin, end = f"<!-- {section.name} -->\n", f"<!-- end of {section.name} -->\n"
    whole = f"{begin}{text}{end}"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    replaced = pattern.sub(lambda _: whole, known)
    RESULTS.write_text(replaced if pattern.search(known) else f"{known}\n{whole}")
    return text


def _text(section: Section) -> str:
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    machine = f"{os.cpu_count()} cores, load {load}, Python {platform.python_version()}"
    lines = [
        f"## {section.title}",
        "",
        f"`python -m tests.bench {section.name}`, {when} UTC, {machine}.",
        "",
        "| what | measured | target | |",
        "|---|---|---|---|",
        *(f"| {r.what} | {r.measured} | {r.target} | {_mark(r.met)} |" for r in section.rows),
        "",
        *(f"- {note}" for note in section.notes),
        "",
    ]
    return "\n".join(lines)


def _mark(met: bool | None) -> str:
    return "" if met is None else "✓" if met else "✗"
