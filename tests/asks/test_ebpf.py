"""Real eBPF programs, named as Cilium names them: a balancer in connect(2), and a classifier at a pod's link.

In namespaces of root's own, since the kernel takes such programs from nobody else.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

LOADER = Path(__file__).with_name("bpf_loader.py")
CLUSTER = str(uuid.uuid4())
VIP, CLIENT, WEB = "10.9.9.9", "10.9.2.8", "10.9.2.9"

MANIFESTS = f"""
apiVersion: v1
kind: Namespace
metadata: {{name: kube-system, uid: {CLUSTER}}}
---
apiVersion: v1
kind: Node
metadata: {{name: node1}}
spec: {{podCIDR: 10.9.2.0/24, podCIDRs: [10.9.2.0/24]}}
status: {{addresses: [{{type: InternalIP, address: 10.9.1.1}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: client, namespace: shop}}
spec: {{nodeName: node1, containers: [{{name: client}}]}}
status: {{phase: Running, podIP: {CLIENT}, podIPs: [{{ip: {CLIENT}}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: shop, labels: {{app: web}}}}
spec: {{nodeName: node1, containers: [{{name: web, ports: [{{containerPort: 8080}}]}}]}}
status:
  {{phase: Running, podIP: {WEB}, podIPs: [{{ip: {WEB}}}], conditions: [{{type: Ready, status: "True"}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: shop}}
spec:
  {{clusterIP: {VIP}, clusterIPs: [{VIP}], selector: {{app: web}}, ports: [{{port: 80, targetPort: 8080}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: web-1, namespace: shop, labels: {{kubernetes.io/service-name: web}}}}
addressType: IPv4
ports: [{{port: 8080, protocol: TCP}}]
endpoints:
- addresses: [{WEB}]
  conditions: {{ready: true}}
  nodeName: node1
  targetRef: {{kind: Pod, name: web, namespace: shop}}
"""
NFT = f"""
table ip kube {{
  chain pre {{ type nat hook prerouting priority -100; ip daddr {VIP} tcp dport 80 dnat to {WEB}:8080; }}
}}
"""
LINK = """
link add lxc{name} type veth peer name eth0 netns {pid}
link set lxc{name} master br0 up
"""
INSIDE = """
link set lo up
addr add {address}/24 dev eth0
link set eth0 up
route add default via 10.9.2.1
"""
SERVER = f"""
import socket, sys, threading
server = socket.create_server(("{WEB}", 8080))
print("ready", flush=True)
threading.Thread(target=lambda: [server.accept()[0].close() for _ in range(1000)], daemon=True).start()
sys.stdin.read()
"""


def lacking() -> str:
    """Why this machine cannot do it, in words; "" = it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "only root may attach eBPF programs"
    tools = [tool for tool in ("unshare", "nsenter", "ip", "nft", "tc") if not shutil.which(tool)]
    if tools:
        return f"not installed: {', '.join(tools)}"
    if _cgroups() is None:
        return "no cgroup2 is mounted"
    try:
        with _held(
            sys.executable, str(LOADER), "connect", _cgroups() or "", "kinspect_try", VIP, "1", WEB, "1"
        ):
            return ""
    except AssertionError:
        return "this machine does not permit bpf(2)"


def _cgroups() -> str | None:
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    return next((words[1] for words in mounts if words[2] == "cgroup2"), None)


@contextmanager
def _held(*argv: str, place: str = "") -> Iterator[int]:
    """A process that says that it is ready, until the context ends; its number."""
    environment = {**os.environ, **({"KINSPECT_PLACE": f"{CLUSTER}/{place}"} if place else {})}
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process.pid
        finally:
            try:
                process.communicate(timeout=5)  # at the end of its stdin it clears up
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture(scope="module")
def nets() -> Iterator[dict[str, int]]:
    """client and web, two pods at a bridge of node1: the processes that hold their namespaces."""
    if why := lacking():
        pytest.skip(why)
    hold = ("unshare", "--net", "sh", "-c", "echo ready; read never || true")
    with ExitStack() as stack:
        places = {"node": "node//node1", "client": "pod/shop/client", "web": "pod/shop/web"}
        pids = {name: stack.enter_context(_held(*hold, place=place)) for name, place in places.items()}
        _in(
            pids["node"],
            "ip",
            "-batch",
            "-",
            stdin="link add br0 type bridge\naddr add 10.9.2.1/24 dev br0\n",
        )
        for name, address in (("client", CLIENT), ("web", WEB)):
            _in(pids["node"], "ip", "-batch", "-", stdin=LINK.format(name=name, pid=pids[name]))
            _in(pids[name], "ip", "-batch", "-", stdin=INSIDE.format(address=address))
        _in(pids["node"], "sh", "-c", "ip link set br0 up; echo 1 > /proc/sys/net/ipv4/ip_forward")
        stack.enter_context(_held("nsenter", f"--net=/proc/{pids['web']}/ns/net", "python3", "-c", SERVER))
        yield pids


def _in(pid: int, *argv: str, stdin: str = "") -> None:
    enter = ("nsenter", f"--net=/proc/{pid}/ns/net", *argv)
    subprocess.run(enter, input=stdin, text=True, check=True, capture_output=True)


@pytest.fixture
def cgroup() -> Iterator[Path]:
    made = Path(_cgroups() or "") / f"kinspect-test-{os.getpid()}"
    made.mkdir()
    try:
        yield made
    finally:
        made.rmdir()


@contextmanager
def balancer(cgroup: Path) -> Iterator[None]:
    argv = (str(LOADER), "connect", str(cgroup), "cil_sock4_connect", VIP, "80", WEB, "8080")
    with _held(sys.executable, *argv):
        yield


def trace(cgroup: Path, folder: Path, *more: str) -> str:
    """What kinspect says, run in that cgroup."""
    cluster = folder / "cluster.yaml"
    cluster.write_text(MANIFESTS)
    join = ["sh", "-c", 'echo $$ > "$0"/cgroup.procs && exec "$@"', str(cgroup)]
    argv = ["trace", "-f", str(cluster), "svc/web", "-n", "shop", "--from", "pod/shop/client", *more]
    ended = subprocess.run(
        [*join, sys.executable, "-m", "kinspect", *argv], capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


IN_THE_SOCKET = "an eBPF balancer translated the destination in the socket"
PROGRAM = "eBPF program cil_sock4_conne (Cilium) in connect(2) at pod/shop/client"


@pytest.mark.lab
def test_a_balancer_in_the_socket_is_recognised_and_named(
    nets: dict[str, int], cgroup: Path, tmp_path: Path
) -> None:
    with balancer(cgroup):
        told: dict[str, Any] = json.loads(trace(cgroup, tmp_path, "-o", "json"))
        words = trace(cgroup, tmp_path)
    assert (told["verdict"], told["divergence"], told["causes"]) == ("delivered", None, [])
    assert told["backend"]["pod"] == "shop/web"
    (first, *_) = told["paths"][0]["hops"]
    assert (first["dst"], first["actions"]) == ({"address": WEB, "port": 8080}, ["sent", "dnat"])
    assert all(hop["dst"]["address"] != VIP for hop in told["paths"][0]["hops"])
    assert IN_THE_SOCKET in told["notes"]
    assert any(note.startswith(PROGRAM) for note in told["notes"])
    assert f"note: {IN_THE_SOCKET}" in words
    assert f"note: {PROGRAM}" in words


@pytest.mark.lab
def test_without_one_the_rules_translate_and_nothing_is_said(
    nets: dict[str, int], cgroup: Path, tmp_path: Path
) -> None:
    _in(nets["node"], "nft", "-f", "-", stdin=NFT)
    try:
        told = json.loads(trace(cgroup, tmp_path, "-o", "json"))
    finally:
        _in(nets["node"], "nft", "delete", "table", "ip", "kube")
    assert (told["verdict"], told["divergence"]) == ("delivered", None)
    assert told["paths"][0]["hops"][0]["dst"]["address"] == VIP
    assert not [note for note in told["notes"] if "eBPF" in note]


@contextmanager
def classifier(node: int, how: str, folder: Path) -> Iterator[None]:
    """A program at the client's link on the node, attached in the newer way or the older."""
    enter = ["nsenter", f"--net=/proc/{node}/ns/net"]
    loader = [sys.executable, str(LOADER), how, "lxcclient", "cil_from_container"]
    if how == "filter":
        enter += ["unshare", "--mount", "sh", "-c", f'mount -t bpf none {folder} && exec "$@"', "sh"]
        loader.append(str(folder))
    with _held(*enter, *loader):
        yield


@pytest.mark.lab
@pytest.mark.parametrize("how", ["ingress", "filter"])
def test_a_program_at_a_link_of_the_way_is_named(
    nets: dict[str, int], cgroup: Path, tmp_path: Path, how: str
) -> None:
    with balancer(cgroup):
        with classifier(nets["node"], how, tmp_path):
            told = json.loads(trace(cgroup, tmp_path, "-o", "json"))
            words = trace(cgroup, tmp_path)
        without = json.loads(trace(cgroup, tmp_path, "-o", "json"))
    at = "eBPF program cil_from_contai (Cilium) at ingress of lxcclient at node/node1"
    assert told["verdict"] == "delivered"
    assert any(note.startswith(at) for note in told["notes"]), told["notes"]
    assert f"note: {at}" in words
    assert "lxcclient" not in "".join(without["notes"])
