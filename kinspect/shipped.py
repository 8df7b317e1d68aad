"""Where the files that come with the program lie: themes, stories, schemas.

In an installed package they are under `kinspect/data/`; in a checkout they are at its root, where people
edit them.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped(name: str) -> Path:
    """The path of a shipped file or folder, as in `shipped("themes")`.

    Raises FileNotFoundError: the name is wrong, or the package was built without it.
    """
    for root in (_PACKAGE / "data", _PACKAGE.parent):
        path = root / name
        if path.exists():
            return path
    raise FileNotFoundError(f"{name} is neither in {_PACKAGE / 'data'} nor in {_PACKAGE.parent}")
