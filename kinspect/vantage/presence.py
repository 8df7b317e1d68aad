"""Whether a network namespace that was found is still anybody's. Linux only.

An agent that has entered one keeps it in being, links and rules and all, when everybody else has gone.
"""

from __future__ import annotations

from pathlib import Path

from kinspect.vantage.places import NetNamespace


def still_there(namespace: NetNamespace) -> bool:
    """Whether one of its processes, or its name, still leads to it. What may not be looked at is there."""
    return any(_leads_to(path, inode) for path, inode in namespace.paths)


def _leads_to(path: str, inode: int) -> bool:
    try:
        return Path(path).stat().st_ino == inode
    except PermissionError:
        return True
    except OSError:
        return False
