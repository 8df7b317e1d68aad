"""What this machine lets this user do: tools, capabilities, namespaces, packet sockets, the terminal.

Everything is found out by trying or by reading; nothing is changed, and nothing is asked of the network.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

DEADLINE_S = 5.0

State = Literal["yes", "no", "unknown"]


class Ability(NamedTuple):
    """`detail` is what was found, `use` what it is good for, `fix` what to do where it is missing."""

    name: str
    state: State
    detail: str
    use: str
    fix: str = ""


TOOLS = (
    ("kubectl", ("version", "--client"), "the commands that findings and copies name", "Install kubectl."),
    ("nft", ("--version",), "a node's rules in nftables mode", "Install nftables."),
    ("iptables-save", ("--version",), "a node's rules in iptables mode", "Install iptables."),
    ("conntrack", ("--version",), "the translations that a node remembers", "Install conntrack."),
    ("ip", ("-V",), "a node's links, addresses and routes", "Install iproute2."),
    ("tc", ("-V",), "eBPF programs at a node's links", "Install iproute2."),
    ("nsenter", ("--version",), "the network namespaces of others", "Install util-linux."),
)

CAPABILITIES = (
    # Bit numbers: linux/capability.h
    ("CAP_NET_ADMIN", 12, "marked connections, and reading a node's rules"),
    ("CAP_NET_RAW", 13, "capturing and sending packets"),
    ("CAP_SYS_ADMIN", 21, "entering network namespaces of other users"),
    ("CAP_SYS_PTRACE", 19, "finding whose a network namespace of other users is"),
)

_WITH_SUDO, _WITHOUT_SUDO = "Raise the agent with --sudo.", "Run the whole command as root."
_OUTSIDE = "Run it outside of this user namespace, where those of the cluster are."
_EVERYBODY = "4294967295"
"""The length of the id map of the first user namespace. Source: user_namespaces(7)."""

CLIPBOARDS = ("wl-copy", "xclip", "xsel", "pbcopy", "clip.exe")


def abilities(environ: Mapping[str, str] = os.environ) -> Iterator[Ability]:
    """Everything that was found out, in the order in which it is told."""
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    yield Ability("system", "yes", system, "everything")
    for name, arguments, use, fix in TOOLS:
        yield _tool(name, arguments, use, fix)
    yield _user_namespaces()
    yield from _capabilities()
    yield _packet_socket()
    yield _sudo()
    yield _clipboard(environ)
    yield _terminal(environ)


def _tool(name: str, arguments: tuple[str, ...], use: str, fix: str) -> Ability:
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        return Ability(name, "no", "not found", use, fix)
    code, words = _run([path, *arguments])
    if code is None:
        return Ability(name, "unknown", f"{path}: {words}", use)
    return Ability(name, "yes", f"{path} {words}".strip(), use)


def _run(command: list[str]) -> tuple[int | None, str]:
    """The exit code and the first line that the command printed; no code = it did not run, and why."""
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=DEADLINE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, f"no answer within {DEADLINE_S:.0f} s"
    except OSError as error:
        return None, error.strerror or str(error)
    lines = ended.stdout.decode(errors="replace").strip().splitlines()
    return ended.returncode, lines[0] if lines else ""


def _user_namespaces() -> Ability:
    use = "the lab, without being root"
    if sys.platform != "linux":
        return Ability("user namespaces", "no", "only Linux has them", use)
    tool = shutil.which("unshare")
    if tool is None:
        return Ability("user namespaces", "unknown", "unshare is not found, so it was not tried", use)
    code, words = _run([tool, "--user", "--map-root-user", "--net", "true"])
    if code == 0:
        return Ability("user namespaces", "yes", "made one, with a network of its own", use)
    fix = "Look at sysctl user.max_user_namespaces and kernel.apparmor_restrict_unprivileged_userns."
    return Ability("user namespaces", "no" if code is not None else "unknown", words, use, fix)


def _capabilities() -> Iterator[Ability]:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        for name, _, use in CAPABILITIES:
            yield Ability(name, "no", "only Linux has capabilities", use)
        return
    effective = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:"))
    confined = _confined()
    for name, bit, use in CAPABILITIES:
        held = bool(effective >> bit & 1)
        if held and confined:
            detail = "held in this user namespace, and not outside of it"
            yield Ability(name, "unknown", detail, use, _OUTSIDE)
        elif held:
            yield Ability(name, "yes", "held", use)
        else:
            yield Ability(name, "no", "not held", use, _raise())


def _confined() -> bool:
    """Whether this is a user namespace that another one made."""
    try:
        return Path("/proc/self/uid_map").read_text().split()[-1:] != [_EVERYBODY]
    except OSError:
        return False


def _raise() -> str:
    """What gives the agent its rights here."""
    if _confined():
        return _OUTSIDE
    return _WITH_SUDO if shutil.which("sudo") and not _no_new_rights() else _WITHOUT_SUDO


def _no_new_rights() -> bool:
    """Whether no program can give this process more rights than it has. Source: prctl(2)."""
    try:
        return "NoNewPrivs:\t1" in Path("/proc/self/status").read_text()
    except OSError:
        return False


def _packet_socket() -> Ability:
    use = "capturing packets on this machine"
    family = getattr(socket, "AF_PACKET", None)
    if family is None:
        return Ability("AF_PACKET", "no", "only Linux has packet sockets", use)
    try:
        socket.socket(family, socket.SOCK_DGRAM, 0).close()
    except OSError as error:
        return Ability("AF_PACKET", "no", error.strerror or str(error), use, _raise())
    return Ability("AF_PACKET", "yes", "opened one", use)


def _sudo() -> Ability:
    """Whether sudo is there. It is not tried: a failed try is written to a log that somebody reads."""
    use = "raising only the agent, with --sudo"
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        if _confined():
            return Ability(
                "sudo", "no", "this is root of a user namespace, and nobody outside", use, _OUTSIDE
            )
        return Ability("sudo", "yes", "not needed: this is root", use)
    path = shutil.which("sudo")
    if path is None:
        return Ability("sudo", "no", "not found", use, _WITHOUT_SUDO)
    if _no_new_rights():
        return Ability("sudo", "no", f"{path}, but this process may get no more rights", use, _WITHOUT_SUDO)
    return Ability("sudo", "unknown", path, use, "sudo -v tells whether you may, and lets it remember you.")


def _clipboard(environ: Mapping[str, str]) -> Ability:
    use = "copying names and commands"
    if environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"):
        return Ability("clipboard", "yes", "over SSH: the terminal's, by OSC 52, if it allows that", use)
    shown = environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY") or sys.platform in ("darwin", "win32")
    found = next((name for name in CLIPBOARDS if shutil.which(name)), None)
    if found and (shown or found == "clip.exe"):
        return Ability("clipboard", "yes", found, use)
    missing = "no display" if not shown else "no clipboard program"
    fix = "Install wl-clipboard or xclip." if shown else ""
    return Ability(
        "clipboard", "unknown", f"{missing}: the terminal's, by OSC 52, if it allows that", use, fix
    )


def _terminal(environ: Mapping[str, str]) -> Ability:
    use = "the screens"
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return Ability("terminal", "no", "standard input or output is no terminal", use)
    size = shutil.get_terminal_size()
    encoding = (sys.stdout.encoding or "unknown").upper()
    colours = (
        "no colours (NO_COLOR)" if environ.get("NO_COLOR") else environ.get("COLORTERM") or "256 colours"
    )
    detail = f"{environ.get('TERM') or 'TERM is not set'}, {size.columns}×{size.lines}, {encoding}, {colours}"
    small = size.columns < 80 or size.lines < 24
    if environ.get("TERM") in (None, "", "dumb"):
        return Ability("terminal", "no", detail, use, "Use kinspect tree, or a terminal that can draw.")
    return Ability("terminal", "yes", detail, use, "80×24 is the least." if small else "")
