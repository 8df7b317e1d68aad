"""The few system calls that make namespaces, which Python's standard library lacks before 3.12.

Theory of operation
1. `isolate` leaves the calling process outside as a mere watcher and returns in a new process that has its
   own user, network, mount and pid namespaces. Where user namespaces are forbidden, root goes without one.
2. Everything inside descends from process 1 of that pid namespace: the kernel ends all of it with process 1.
3. Process 1 dies with the watcher and the watcher with whoever started it (PR_SET_PDEATHSIG), so that a
   `kill -9` of the supervisor leaves nothing; no cleaning code has to run for it.

Source: namespaces(7), user_namespaces(7), pid_namespaces(7), prctl(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterator

NEW_MOUNT = 0x00020000
NEW_HOSTNAME = 0x04000000
NEW_USER = 0x10000000
NEW_PID = 0x20000000
NEW_NETWORK = 0x40000000

MS_BIND = 0x1000
MS_REC = 0x4000
MS_SLAVE = 0x80000

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    """Raises OSError when a system call failed."""
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def unshare(flags: int) -> None:
    """The calling process gets new namespaces of these kinds."""
    _checked(_libc.unshare(flags), "unshare")


def enter(namespace: int, kind: int) -> None:
    """The calling thread enters the namespace behind an open /proc/PID/ns file."""
    _checked(_libc.setns(namespace, kind), "setns")


def mount(source: str, target: str, filesystem: str = "", flags: int = 0) -> None:
    """Mounts in the calling process's mount namespace."""
    arguments = (source.encode(), target.encode(), filesystem.encode() or None)
    _checked(_libc.mount(*arguments, ctypes.c_ulong(flags), None), f"mount {target}")


def die_with_parent(sent: signal.Signals = signal.SIGKILL) -> None:
    """The kernel sends this process a signal when the thread that started it ends."""
    _checked(_libc.prctl(_PR_SET_PDEATHSIG, sent, 0, 0, 0), "prctl")


@contextlib.contextmanager
def network_of(namespace: int) -> Iterator[None]:
    """Inside, the calling thread is in this network namespace: sockets made there stay there."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter(namespace, NEW_NETWORK)
        try:
            yield
        finally:
            enter(home, NEW_NETWORK)
    finally:
        os.close(home)


def isolate() -> None:
    """Returns in a process of its own namespaces, with its own /proc and an empty /run; see the theory above.

    The caller must be single-threaded. Never returns in the calling process, which exits as the inner does.
    """
    started_by = os.getppid()
    _unshare_all()
    die_with_parent()
    if os.getppid() != started_by:  # it died before the line above took effect
        sys.exit(1)
    first = os.fork()
    if first:
        _exit_as(first)
    die_with_parent()
    mount("none", "/", flags=MS_REC | MS_SLAVE)
    mount("proc", "/proc", "proc")
    mount("tmpfs", "/run", "tmpfs")
    worker = os.fork()
    if worker:
        _reap_until(worker)


def _unshare_all() -> None:
    user, group = os.geteuid(), os.getegid()
    kinds = NEW_NETWORK | NEW_MOUNT | NEW_PID
    try:
        unshare(kinds | NEW_USER)
    except OSError:
        if user != 0:
            raise
        unshare(kinds)
        return
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _exit_as(child: int) -> None:
    """Waits for the child and exits with its code: this process has nothing else to do."""
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _reap_until(worker: int) -> None:
    """What process 1 does: reaps orphans, and exits (which ends all the rest) when the worker has ended."""
    while True:
        pid, status = os.wait()
        if pid == worker:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
