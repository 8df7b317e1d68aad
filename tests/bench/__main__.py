"""`python -m tests.bench [name …]`: runs every `bench_NAME.py`, or those named, and keeps what they say.

What is measured stands compiled on disk, as where it is installed, whatever the environment says of that.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from tests.bench.report import write


def main(wanted: list[str]) -> None:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    names = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    for name in wanted or names:
        section = importlib.import_module(f"tests.bench.bench_{name}").run()
        print(write(section), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
