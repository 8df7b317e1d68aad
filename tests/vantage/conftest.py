"""A small ground of the tests' own: client ── node (a bridge, a DNAT rule) ── pod, in one user namespace.

Every namespace is held by a process that ends when the test's own pipe does, so nothing can stay behind.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from kinspect.vantage.connection import NamespacePath

CLIENT, NODE_OUTSIDE, NODE_BRIDGE, POD, VIP = "10.9.1.2", "10.9.1.1", "10.9.2.1", "10.9.2.9", "10.9.9.9"
CLUSTER = str(uuid.uuid4())
"""Another one in every session, since tests may run side by side on one machine."""

MANIFESTS = Path(__file__).with_name("ground.yaml")
HOLDER = "echo ready; read never"

NFT = f"""
table ip kube {{
  chain pre {{ type nat hook prerouting priority -100;
    ip daddr {{ {VIP}, {NODE_OUTSIDE} }} tcp dport {{ 80, 30080 }} dnat to {POD}:8080
    ip daddr {VIP} udp dport 80 dnat to {POD}:8080
  }}
  chain post {{ type nat hook postrouting priority 100;
    ct status dnat ip saddr {CLIENT} oifname "br0" masquerade
  }}
}}
"""

ECHO = f"""
import socket, threading
tcp = socket.create_server(("{POD}", 8080))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(("{POD}", 8080))
def datagrams():
    while True:
        data, peer = udp.recvfrom(2048)
        udp.sendto(data, peer)
threading.Thread(target=datagrams, daemon=True).start()
print("ready", flush=True)
while True:
    conn, peer = tcp.accept()
    conn.settimeout(2)
    try:
        data = conn.recv(2048)
        conn.sendall(b"from %s:%d " % (peer[0].encode(), peer[1]) + data)
    except OSError:
        pass
    conn.close()
"""


class Ground(NamedTuple):
    """The namespaces by name, and the processes that hold them."""

    pids: dict[str, int]
    cluster: str

    @property
    def manifests(self) -> str:
        """The cluster that they are places of."""
        return MANIFESTS.read_text().replace("CLUSTER", self.cluster)

    def net(self, name: str) -> NamespacePath:
        path = f"/proc/{self.pids[name]}/ns/net"
        return NamespacePath(path, Path(path).stat().st_ino)

    @property
    def user(self) -> NamespacePath:
        path = f"/proc/{self.pids['node']}/ns/user"
        return NamespacePath(path, Path(path).stat().st_ino)

    def run(self, name: str, *argv: str, stdin: str = "") -> str:
        enter = ["nsenter", "-t", str(self.pids[name]), "-U", "-n", "--preserve-credentials", *argv]
        return subprocess.run(enter, input=stdin, text=True, check=True, capture_output=True).stdout


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    if not all(shutil.which(tool) for tool in ("unshare", "nsenter", "ip", "nft")):
        _skip("unshare, nsenter, ip and nft are needed")
    holders: dict[str, subprocess.Popen[str]] = {}
    try:
        first = ["unshare", "-U", "-r", "-n", "--kill-child", "sh", "-c", HOLDER]
        holders["node"] = _hold(first, "node//node1")
        inside = [
            "nsenter",
            "-t",
            str(_inner(holders["node"])),
            "-U",
            "--preserve-credentials",
            "unshare",
            "-n",
        ]
        holders["client"] = _hold([*inside, "sh", "-c", HOLDER], "declared//client")
        holders["pod"] = _hold([*inside, "sh", "-c", HOLDER], "pod/shop/web-0")
        made = Ground({name: _inner(holder) for name, holder in holders.items()}, CLUSTER)
        _wire(made)
        holders["echo"] = _hold(
            [
                "nsenter",
                "-t",
                str(made.pids["pod"]),
                "-U",
                "-n",
                "--preserve-credentials",
                "python3",
                "-c",
                ECHO,
            ],
            "",
        )
        yield made
    finally:
        for holder in holders.values():
            holder.kill()
            holder.wait()
            for stream in (holder.stdin, holder.stdout):
                if stream:
                    stream.close()


def _skip(reason: str) -> None:
    if os.environ.get("KINSPECT_LAB") == "require":
        pytest.fail(reason)
    pytest.skip(reason)


def _hold(argv: list[str], place: str) -> subprocess.Popen[str]:
    environment = {**os.environ, **({"KINSPECT_PLACE": f"{CLUSTER}/{place}"} if place else {})}
    pipe = subprocess.PIPE
    holder = subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True, env=environment)
    assert holder.stdout is not None
    if holder.stdout.readline() != "ready\n":
        holder.kill()
        holder.wait()
        _skip("this machine does not let us make namespaces")
    return holder


def _inner(holder: subprocess.Popen[str]) -> int:
    """The process that lives inside: the holder itself, or the child that `unshare --kill-child` forked."""
    children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()
    return int(children[0]) if children else holder.pid


def _wire(ground: Ground) -> None:
    for name in ("client", "node", "pod"):
        ground.run(name, "ip", "link", "set", "lo", "up")
    client, pod = ground.pids["client"], ground.pids["pod"]
    commands = f"""
link add out0 type veth peer name eth0 netns {client}
addr add {NODE_OUTSIDE}/24 dev out0
link set out0 up
link add br0 type bridge
addr add {NODE_BRIDGE}/24 dev br0
link set br0 up
link add vpod type veth peer name eth0 netns {pod}
link set vpod master br0 up
"""
    ground.run("node", "ip", "-batch", "-", stdin=commands)
    ground.run("node", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
    ground.run("node", "nft", "-f", "-", stdin=NFT)
    for name, address, gateway in (("client", CLIENT, NODE_OUTSIDE), ("pod", POD, NODE_BRIDGE)):
        ground.run(name, "ip", "addr", "add", f"{address}/24", "dev", "eth0")
        ground.run(name, "ip", "link", "set", "eth0", "up")
        ground.run(name, "ip", "route", "add", "default", "via", gateway)
