"""A user without any right, who may read the programs under test and may call the real sudo.

Nothing of the machine is changed: /etc/passwd, /etc/shadow and /etc/sudoers are other files in a mount
namespace of its own, and folders on the way to the programs that are root's alone are open in it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import kinspect

UID = 54_321
_PASSWD = f"""\
root:x:0:0:root:/:/bin/sh
stranger:x:{UID}:{UID}:stranger:/:/bin/sh
"""
_SHADOW = """\
root:*:19000:0:99999:7:::
stranger:*:19000:0:99999:7:::
"""
_SUDOERS = """\
Defaults env_reset
root ALL=(ALL:ALL) ALL
"""
# $1: the folder with the files; $2: "" or a folder that is root's alone; then what is needed below it, `--`,
# and the command. What is needed is held open by its mount while the folder is covered.
_ENTER = f"""
set -e
files=$1 closed=$2
shift 2
for name in passwd shadow sudoers; do mount --bind "$files/$name" "/etc/$name"; done
count=0
if [ -n "$closed" ]; then
    keep=$files/keep
    mkdir -p "$keep"
    mount --bind "$closed" "$keep"
    mount -t tmpfs -o mode=755 none "$closed"
fi
while [ "$1" != -- ]; do
    mkdir -p "$1"
    mount --bind "$keep/${{1#"$closed"/}}" "$1"
    shift
done
shift
ip link set lo up
cd /
exec setpriv --reuid={UID} --regid={UID} --clear-groups -- "$@"
"""


class Stranger:
    """Made for one test; `files` is a folder of its own. `raisable` False: nothing gives it more rights."""

    def __init__(self, files: Path, sudoers: str = "", raisable: bool = True) -> None:
        self._files = files
        self._never = [] if raisable else ["setpriv", "--no-new-privs"]
        for name, text in (("passwd", _PASSWD), ("shadow", _SHADOW), ("sudoers", _SUDOERS + sudoers)):
            (files / name).write_text(text)
            (files / name).chmod(0o440 if name != "passwd" else 0o444)

    def start(self, *arguments: str, terminal: int | None = None) -> subprocess.Popen[str]:
        """kinspect with these arguments, as that user, on that terminal; its network is a loopback alone."""
        needed = [sys.prefix, sys.base_prefix, str(Path(kinspect.__file__).parent.parent)]
        closed = next((folder for each in needed if (folder := _closed(Path(each)))), None)
        below = [each for each in needed if closed and closed in Path(each).parents] if closed else []
        python = [*self._never, sys.executable, "-B", "-m", "kinspect", *arguments]
        enter = ["unshare", "--mount", "--net", "sh", "-c", _ENTER, "sh", str(self._files)]
        session = ["setsid"] if terminal is None else ["setsid", "--ctty"]
        argv = [*session, *enter, str(closed or ""), *dict.fromkeys(below), "--", *python]
        environment = {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "HOME": "/", "LC_ALL": "C.UTF-8"}
        pipe = subprocess.PIPE
        stdin = subprocess.DEVNULL if terminal is None else terminal
        return subprocess.Popen(argv, stdin=stdin, stdout=pipe, stderr=pipe, text=True, env=environment)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """The exit code, what it said on stdout, and on stderr."""
        running = self.start(*arguments)
        out, err = running.communicate(timeout=60)
        return running.returncode, out, err


def _closed(path: Path) -> Path | None:
    """The first folder on the way that others may not pass."""
    return next((each for each in reversed(path.resolve().parents) if not each.stat().st_mode & 0o001), None)


def missing() -> str:
    """What is lacking to make a stranger, in words; "" = nothing."""
    if os.geteuid() != 0 or not Path("/etc/shadow").exists():
        return "only root can become a user without rights"
    lacking = [tool for tool in ("sudo", "setpriv", "unshare") if not shutil.which(tool)]
    return f"not installed: {', '.join(lacking)}" if lacking else ""
