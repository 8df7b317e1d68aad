"""The cluster from outside: boot it, run something against it, end it, leave nothing."""

import contextlib
import fcntl
import functools
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator

from kinspect.lab.isolation import die_with_parent

from . import certificates, cgroups, layout

_NAMESPACES = ["--mount", "--net", "--pid", "--ipc", "--fork", "--kill-child", "--propagation=private"]


@contextlib.contextmanager
def booted(say: Callable[[str], None]) -> Iterator[int]:
    """A running cluster, known by the pid of its process 1. It ends with the block, or with this process.

    Raises RuntimeError when another one runs, or, with its logs kept, when it does not come up.
    """
    with _alone():
        down()
        layout.STATE.mkdir()
        (layout.STATE / "resolv.conf").write_text(f"nameserver {layout.CONTROL_PLANE}\nsearch node.test\n")
        certificates.write()
        holder = subprocess.Popen(
            ["unshare", *_NAMESPACES, *layout.module("machine")],
            preexec_fn=functools.partial(_die_with, os.getpid()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is ours to handle: it must not end the cluster part by part
        )
        try:
            yield _await_ready(holder, say)
        finally:
            holder.kill()
            holder.wait()
            end()
        shutil.rmtree(layout.STATE)


def _die_with(parent: int) -> None:
    """The kernel kills this process, and unshare's --kill-child what is below it, when the parent ends."""
    die_with_parent()
    if os.getppid() != parent:  # it ended before the line above took effect
        os._exit(1)


def _await_ready(holder: "subprocess.Popen[str]", say: Callable[[str], None]) -> int:
    assert holder.stdout
    for line in holder.stdout:
        say(line.strip())
        if line.strip() == "ready" and (machine := running()) is not None:
            return machine
    raise RuntimeError(f"the cluster did not come up: see the logs in {layout.STATE}")


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Held by one process at a time, and let go by the kernel when that process ends in any way."""
    with open(layout.CACHE / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError("another conformance cluster runs on this machine") from None
        yield


def running() -> int | None:
    """The pid of process 1 of a cluster that runs now, None when there is none."""
    try:
        pid, started = layout.RUNNING.read_text().split()
        return int(pid) if layout.start_time(int(pid)) == started else None
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None


def end() -> None:
    """Ends every process of the cluster and removes its control groups. Its files stay."""
    if (pid := running()) is not None:
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(pid)
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            # Readable once it is gone; and process 1 goes last, after all others of its namespace.
            if not select.select([handle], [], [], 30)[0]:
                raise RuntimeError(f"process {pid} of the cluster does not end")
            os.close(handle)
    cgroups.remove()


def down() -> None:
    """Ends the cluster and removes its files, also those of a run that was killed."""
    end()
    shutil.rmtree(layout.STATE, ignore_errors=True)


def within(machine: int, place: str) -> list[str]:
    """The beginning of a command line that runs the rest in the network of a place of the cluster."""
    return ["nsenter", f"--net=/proc/{machine}/root/run/netns/{place}", "--"]


def environment(machine: int) -> dict[str, str]:
    """What a program needs to find the cluster."""
    return {"KUBECONFIG": str(layout.KUBECONFIG), "KINSPECT_CONFORMANCE": str(machine)}
