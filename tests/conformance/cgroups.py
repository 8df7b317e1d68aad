"""Control groups of the nodes: kubelet and runc need a tree of their own, and nothing may stay behind.

With cgroup v1 each controller has its tree; ours begin below the group that we already are in, so that
what limits us limits the cluster too. With v2 only the root may hold processes and give controllers to
its children, so ours begins there.
Source: Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst ("No Internal Process Constraint").
"""

import contextlib
import hashlib
import subprocess
from pathlib import Path

from . import layout

_MOUNTED = Path("/sys/fs/cgroup")
_OURS = f"kinspect-conformance-{hashlib.sha256(str(layout.STATE).encode()).hexdigest()[:8]}"
"""One for every state folder: clusters of two users do not meet."""
_V2_CONTROLLERS = "+cpu +cpuset +io +memory +pids"


def create(node: str) -> list[Path]:
    """Makes the groups of one node and returns them: whoever writes itself into them all is in the node."""
    if _is_v2():
        group = _MOUNTED / _OURS / node
        group.mkdir(parents=True)
        for parent in (_MOUNTED, group.parent):
            (parent / "cgroup.subtree_control").write_text(_V2_CONTROLLERS)
        return [group]
    groups = []
    for name, path in _v1_controllers():
        group = _MOUNTED / name / path.lstrip("/") / _OURS / node
        group.mkdir(parents=True)
        if name == "cpuset":
            for shared in ("cpuset.cpus", "cpuset.mems"):
                for below in (group.parent, group):
                    (below / shared).write_text((below.parent / shared).read_text())
        groups.append(group)
    return groups


def join(groups: list[Path]) -> None:
    """Moves this process into the groups."""
    for group in groups:
        (group / "cgroup.procs").write_text("0")


def mount_own() -> None:
    """Shows a node, already in a cgroup namespace, its own tree only."""
    if _is_v2():
        _mount("-t", "cgroup2", "cgroup2", str(_MOUNTED))
        inner = _MOUNTED / "node"
        inner.mkdir()
        (inner / "cgroup.procs").write_text("0")
        return
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", str(_MOUNTED))
    for name, _ in _v1_controllers():
        (_MOUNTED / name).mkdir()
        options = "none,name=systemd" if name == "systemd" else name
        _mount("-t", "cgroup", "-o", options, "cgroup", str(_MOUNTED / name))


def remove() -> None:
    """Removes every group that a run has made. Their processes must have ended."""
    for ours in left():
        below = [found for found in ours.rglob("*") if found.is_dir()]
        for group in sorted([ours, *below], key=lambda found: len(found.parts), reverse=True):
            with contextlib.suppress(FileNotFoundError):
                group.rmdir()


def left() -> list[Path]:
    """The groups that still are there."""
    return [found for found in _MOUNTED.rglob(_OURS) if found.is_dir()]


def _is_v2() -> bool:
    return (_MOUNTED / "cgroup.controllers").exists()


def _v1_controllers() -> list[tuple[str, str]]:
    """The mounted controllers, each with the group that this process is in."""
    found = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        name = controllers.removeprefix("name=")
        if name:
            found.append((name, path))
    return found


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)
