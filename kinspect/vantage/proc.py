"""Reads /proc and /run/netns of this machine into the listing that `places` decides about. Linux only.

Only reads: no namespace is entered. What this user may not see is not in the listing. Addresses come from the
kernel's own table of local addresses (fib_trie), which is readable from outside.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from kinspect.vantage.connection import NamespacePath
from kinspect.vantage.places import VARIABLE, NetNamespace, Process

NS_GET_USERNS = 0xB701
"""The user namespace that owns another. Source: ioctl_ns(2)."""

NAMED = Path("/run/netns")
_LOCAL = re.compile(r"\|-- (\d+\.\d+\.\d+\.\d+)\n\s+/32 host LOCAL")


def net_namespaces() -> tuple[NetNamespace, ...]:
    """Every network namespace that this user can see, with what /proc tells about it; by inode."""
    inhabitants: dict[int, list[int]] = defaultdict(list)
    for pid in _pids():
        inode = _inode(f"/proc/{pid}/ns/net")
        if inode is not None:
            inhabitants[inode].append(pid)
    names = {path.stat().st_ino: path for path in NAMED.glob("*")} if NAMED.is_dir() else {}
    listing = [_inhabited(inode, pids, names.get(inode)) for inode, pids in inhabitants.items()]
    for inode, path in names.items():
        if inode not in inhabitants:
            at = NamespacePath(str(path), inode)
            listing.append(NetNamespace(at, None, (), path.name, frozenset()))
    return tuple(sorted(listing, key=lambda each: each.path.inode))


def _pids() -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            yield int(entry.name)


def _inode(path: str) -> int | None:
    try:
        return Path(path).stat().st_ino
    except OSError:  # gone, or not ours to see
        return None


def _read(path: str) -> str:
    """A file's text, "" when it is gone or not ours to see."""
    try:
        return Path(path).read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def _inhabited(inode: int, pids: list[int], name: Path | None) -> NetNamespace:
    first = min(pids)
    processes = tuple(Process(pid, _read(f"/proc/{pid}/cgroup"), _place(pid)) for pid in sorted(pids))
    path = str(name) if name else f"/proc/{first}/ns/net"
    owner = _owner(path, pids)
    addresses = frozenset(_LOCAL.findall(_read(f"/proc/{first}/net/fib_trie")))
    return NetNamespace(
        NamespacePath(path, inode), owner, processes, name.name if name else "", _routable(addresses)
    )


def _routable(addresses: frozenset[str]) -> frozenset[str]:
    return frozenset(each for each in addresses if not each.startswith("127."))


def _place(pid: int) -> str:
    prefix = f"{VARIABLE}="
    entries = _read(f"/proc/{pid}/environ").split("\0")
    return next((entry.removeprefix(prefix) for entry in entries if entry.startswith(prefix)), "")


def _owner(path: str, pids: list[int]) -> NamespacePath | None:
    """The user namespace to enter before that network namespace; None = our own will do."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        owner = fcntl.ioctl(descriptor, NS_GET_USERNS)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTTY):
            raise
        return None  # owned by one above ours: only more rights would help
    finally:
        os.close(descriptor)
    inode = os.fstat(owner).st_ino
    os.close(owner)
    if inode == _inode("/proc/self/ns/user"):
        return None
    for pid in pids:
        if _inode(f"/proc/{pid}/ns/user") == inode:
            return NamespacePath(f"/proc/{pid}/ns/user", inode)
    return None
