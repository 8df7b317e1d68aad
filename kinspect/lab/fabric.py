"""The process inside the lab's namespaces: it makes places, runs commands in them and opens sockets there.

It decides nothing: the supervisor, outside, sends one request a line on its standard input and reads one
answer a line, in any order, from its standard output. Opened sockets go back over a second socket (argument
1), since only a Unix socket carries them. When its input ends, it ends, and with it everything that it made.

A place is held by a sleeping process of its own: that is what `/proc` shows, and what any command enters.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import signal
import socket
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kinspect.lab import isolation
from kinspect.lab.echo import About, Servers

ROOM = Path("/run/lab")  # on the private tmpfs: gone with the mount namespace
LINE_LIMIT = 1 << 26
PID_WIDTH = 32
FIRST = 0
"""The number of the first request, `hello`: its answer tells whether namespaces could be made."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Holder:
    """The process that holds a place's namespaces. `pid` is the number inside, `host_pid` the one outside."""

    def __init__(self, pid: int, host_pid: int) -> None:
        self.pid = pid
        self.host_pid = host_pid
        self.network = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.servers = Servers()

    def end(self) -> None:
        self.servers.close()
        os.close(self.network)
        os.kill(self.pid, signal.SIGKILL)
        _reap(self.pid)


class Fabric:
    """Answers requests. Each public coroutine is one request; its keyword arguments are the request's."""

    def __init__(self, passing: socket.socket, host_proc: int) -> None:
        self.passing = passing
        self.host_proc = host_proc
        self.places: dict[str, Holder] = {}
        self.tls: ssl.SSLContext | None = None

    async def hello(self) -> None:
        """Says that the namespaces are there."""

    async def place(
        self,
        name: str,
        hostname: str,
        environment: Mapping[str, str],
        resolver: str | None,
        share: str | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> dict[str, int]:
        """Makes a place. `share` names one whose network it shares; `settings` are sysctls of its network."""
        joined = self.places[share].network if share else None
        resolver_file = None
        if resolver is not None:
            resolver_file = self._write(f"resolv/{name.replace('/', '_')}", resolver)
        ready, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._hold(tell, hostname, environment, resolver_file, joined, settings or {})
        os.close(tell)
        host_pid = os.read(ready, PID_WIDTH).strip()
        failure = os.read(ready, 4096)  # ends by itself when the holder runs its program
        os.close(ready)
        if failure or not host_pid:
            _reap(pid)
            raise OSError(failure.decode() or "the holder ended")
        self.places[name] = Holder(pid, int(host_pid))
        return {"pid": pid, "host_pid": int(host_pid)}

    def _hold(
        self,
        tell: int,
        hostname: str,
        environment: Mapping[str, str],
        resolver_file: str | None,
        joined: int | None,
        settings: Mapping[str, str],
    ) -> None:
        """Becomes the holder: never returns."""
        try:
            os.write(tell, os.readlink("self", dir_fd=self.host_proc).encode().ljust(PID_WIDTH))
            isolation.unshare(isolation.NEW_MOUNT | isolation.NEW_HOSTNAME)
            if joined is None:
                isolation.unshare(isolation.NEW_NETWORK)
                isolation.mount("sysfs", "/sys", "sysfs")
            else:
                isolation.enter(joined, isolation.NEW_NETWORK)
            socket.sethostname(hostname[:63])
            for setting, value in settings.items():
                Path("/proc/sys", setting).write_text(value)
            if resolver_file:
                isolation.mount(resolver_file, _resolver_target(), flags=isolation.MS_BIND)
            program = shutil.which("sleep") or "/bin/sleep"
            os.execve(program, ["sleep", "infinity"], {"PATH": PATH, **environment})
        except (OSError, ValueError) as error:
            os.write(tell, str(error).encode())
        finally:
            os._exit(1)  # whatever went wrong: there must not be a second fabric

    async def end(self, name: str) -> None:
        """Ends a place with all that runs in it."""
        self.places.pop(name).end()

    async def run(self, name: str | None, argv: list[str], stdin: str = "") -> dict[str, Any]:
        """Runs a command to its end, in a place, or in the fabric's own network when `name` is None."""
        process = await asyncio.create_subprocess_exec(
            *self._entering(name),
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(stdin.encode())
        return {
            "code": process.returncode,
            "stdout": out.decode("utf-8", "replace"),
            "stderr": err.decode("utf-8", "replace"),
        }

    async def start(self, name: str, argv: list[str], environment: Mapping[str, str]) -> int:
        """Starts a command that stays; answers its pid, for `signal`. It outlives its place, not the lab."""
        process = await asyncio.create_subprocess_exec(
            *self._entering(name),
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            env={**os.environ, **environment},
        )
        return process.pid

    async def signal(self, pid: int, sent: int) -> None:
        """Signals a command that `start` started."""
        os.kill(pid, sent)

    async def write(self, path: str, text: str) -> str:
        """Writes a file below the lab's private room; answers its path inside."""
        return self._write(path, text)

    async def trust(self, certificate: str, key: str) -> None:
        """The certificate that TLS ports answer with, in PEM."""
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self._write("echo.crt", certificate), self._write("echo.key", key))

    async def echo(self, name: str, about: list[Any], ports: list[dict[str, Any]]) -> None:
        """(Re)starts the echo server of a place on these ports: {protocol, address, port, tls}."""
        holder = self.places[name]
        holder.servers.close()
        holder.servers = Servers()
        told = About(*about)
        for port in ports:
            opened = self._open(holder, port["protocol"], port["address"], port["port"])
            await holder.servers.serve(told, opened, self.tls if port["tls"] else None)

    async def sockets(self, name: str, ports: list[list[Any]], request: int) -> None:
        """Opens bound sockets (protocol, address, port) in a place, and passes them to the supervisor."""
        opened = [self._open(self.places[name], *port) for port in ports]
        socket.send_fds(self.passing, [str(request).encode()], [each.fileno() for each in opened])
        for each in opened:
            each.close()

    def _open(self, holder: Holder, protocol: str, address: str, port: int) -> socket.socket:
        kind = socket.SOCK_DGRAM if protocol == "UDP" else socket.SOCK_STREAM
        with isolation.network_of(holder.network):
            opened = socket.socket(socket.AF_INET, kind)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setblocking(False)
        opened.bind((address, port))
        return opened

    def _entering(self, name: str | None) -> list[str]:
        if name is None:
            return []
        return ["nsenter", f"--target={self.places[name].pid}", "--net", "--mount", "--uts", "--"]

    def _write(self, path: str, text: str) -> str:
        file = ROOM / path
        file.parent.mkdir(parents=True, exist_ok=True)
        # Whoever reads it meanwhile (an nginx that starts) finds the old file or the new one, never a half.
        fresh = file.with_name(f"{file.name}.new")
        fresh.write_text(text)
        fresh.replace(file)
        return str(file)


def _reap(child: int) -> None:
    """Waits for a child that has ended or was just killed, so not for long."""
    os.waitpid(child, 0)


def _resolver_target() -> str:
    """What /etc/resolv.conf really is: it may point into /run, which is empty here."""
    target = os.path.realpath("/etc/resolv.conf")
    if not os.path.exists(target):  # noqa: PTH110 - a Path would be made for one question
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
        Path(target).touch()
    return target


async def serve(passing: socket.socket, host_proc: int) -> None:
    """Answers requests until standard input ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LINE_LIMIT)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    fabric = Fabric(passing, host_proc)
    async with asyncio.TaskGroup() as tasks:
        while line := await reader.readline():
            tasks.create_task(_answer(fabric, json.loads(line)))
        os._exit(0)  # nothing inside needs an orderly end: process 1 follows, and the kernel ends the rest


async def _answer(fabric: Fabric, request: dict[str, Any]) -> None:
    number, do = request.pop("number"), request.pop("do")
    try:
        if do == "sockets":
            request["request"] = number
        answer = {"number": number, "result": await getattr(fabric, do)(**request)}
    except (OSError, KeyError, ValueError) as error:
        answer = {"number": number, "error": f"the lab could not do {do!r}: {error}"}
    _say(answer)


def _say(answer: dict[str, Any]) -> None:
    # Not through a buffer: a line is written whole, since the descriptor blocks and one thread writes.
    os.write(1, json.dumps(answer).encode() + b"\n")


def main() -> None:
    host_proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        isolation.isolate()
    except OSError as error:
        limit = "a limit is reached, see user.max_*_namespaces in sysctl"
        reason = limit if error.errno == errno.ENOSPC else error.strerror
        _say({"number": FIRST, "error": reason})
        return
    asyncio.run(serve(socket.socket(fileno=int(sys.argv[1])), host_proc))


if __name__ == "__main__":
    main()
