"""`python -m tests.bench [name …]`: runs every `bench_NAME.py`, or those named, and keeps what they say."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from tests.bench.report import write


def main(wanted: list[str]) -> None:
    names = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    for name in wanted or names:
        section = importlib.import_module(f"tests.bench.bench_{name}").run()
        print(write(section), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
