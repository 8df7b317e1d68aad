"""Process 1 of the whole cluster: its networks, its control plane, its nodes. `python -m …`

It runs in pid, mount and network namespaces of its own, started by `cluster`: whatever ends it, be it
SIGKILL, ends every process and frees every namespace, mount, link and rule of the cluster. Says on stdout
what it has reached; the line "ready" is the last.

Its own network is the switch that all others hang on: `control-plane`, `client` and one for every node.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import yaml

from . import cgroups, layout, network, programs

_NAMESPACES = ["--mount", "--uts", "--ipc", "--pid", "--cgroup", "--fork", "--kill-child"]
_SYSTEM = layout.HERE / "system.yaml"


def main() -> None:
    """Never returns while the cluster lives; raises when a part of the control plane ends."""
    layout.RUNNING.write_text(_identity())
    subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
    network.create()
    running = start_control_plane()
    running[_hold_client()] = "client"
    say("API server ready")
    kubectl("apply", "-f", "-", stdin=_nodes() + _SYSTEM.read_text())
    for node in layout.NODES:
        running[start_node(node)] = node.name
    kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=120s")
    for node in layout.NODES:
        _until_answered(f"http://{node.address}:10256/healthz")
        # kube-proxy asks for its zone before anyone listens to the answer, and then misses it (1.36.3,
        # NodeTopologyConfig: events before RegisterEventHandler are lost). A later change it does not miss.
        kubectl("label", "node", node.name, f"topology.kubernetes.io/zone={node.topology_zone}")
    say("nodes ready")
    kubectl("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=120s")
    say("ready")
    while (ended := os.wait()[0]) not in running:
        pass  # process 1 inherits, and has to bury, every orphan
    raise SystemExit(f"{running[ended]} ended: see its log in {layout.STATE}")


def say(reached: str) -> None:
    """Tells `cluster`, and so the person who waits."""
    print(reached, flush=True)


def kubectl(*arguments: str, stdin: str = "") -> str:
    """What kubectl as the administrator answers. Raises CalledProcessError when it refuses."""
    return subprocess.run(
        _kubectl(*arguments), input=stdin, text=True, stdout=subprocess.PIPE, check=True
    ).stdout


def start_control_plane() -> dict[int, str]:
    """Starts the control plane, and the name server that stands outside the cluster. Answers name by pid."""
    kubernetes, state = programs.folders()["kubernetes"], layout.STATE
    etcd = "http://127.0.0.1:2379"
    commands: dict[str, list[object]] = {
        "etcd": [
            "etcd",
            f"--data-dir={state}/etcd",
            f"--listen-client-urls={etcd}",
            f"--advertise-client-urls={etcd}",
            "--unsafe-no-fsync",  # it need not survive anything
        ],
        "kube-apiserver": [
            kubernetes / "kube-apiserver",
            f"--etcd-servers={etcd}",
            f"--advertise-address={layout.CONTROL_PLANE}",
            f"--service-cluster-ip-range={layout.SERVICE_CIDR}",
            f"--tls-cert-file={state}/apiserver.crt",
            f"--tls-private-key-file={state}/apiserver.key",
            f"--client-ca-file={state}/ca.crt",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={state}/sa.key",
            f"--service-account-signing-key-file={state}/sa.key",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            f"--kubelet-client-certificate={state}/apiserver-kubelet-client.crt",
            f"--kubelet-client-key={state}/apiserver-kubelet-client.key",
            f"--kubelet-certificate-authority={state}/ca.crt",
            "--kubelet-preferred-address-types=InternalIP",
        ],
        "outside-dns": [
            programs.folders()["coredns"] / "coredns",
            f"-conf={layout.HERE}/outside.corefile",
        ],
        "kube-controller-manager": [
            kubernetes / "kube-controller-manager",
            *_as("kube-controller-manager"),
            f"--root-ca-file={state}/ca.crt",
            f"--service-account-private-key-file={state}/sa.key",
            "--use-service-account-credentials=true",
            "--leader-elect=false",
        ],
        "kube-scheduler": [
            kubernetes / "kube-scheduler",
            *_as("kube-scheduler"),
            "--leader-elect=false",
        ],
    }
    running = {}
    for name, command in commands.items():
        running[_start(name, *command)] = name
        if name == "kube-apiserver":
            _until_ready()
    return running


def start_node(node: layout.Node) -> int:
    """Starts one node: what its network add-on would write first, then its process 1."""
    (node.folder / "cni").mkdir(parents=True)
    (node.folder / "cni" / "10-bridge.conflist").write_text(json.dumps(network.cni(node)))
    groups = cgroups.create(node.name)
    with open(node.folder / "node.log", "wb") as log:
        return subprocess.Popen(
            [*network.within(node.name), "unshare", *_NAMESPACES, *layout.module("node"), node.name],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=lambda: cgroups.join(groups),
        ).pid


def _kubectl(*arguments: str) -> list[str]:
    program = shutil.which("kubectl") or str(programs.folders()["kubernetes"] / "kubectl")
    return [*network.within("control-plane"), program, f"--kubeconfig={layout.KUBECONFIG}", *arguments]


def _as(component: str) -> list[str]:
    kubeconfig = layout.STATE / f"{component}.kubeconfig"
    roles = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
    return [f"--{role}={kubeconfig}" for role in roles]


def _start(name: str, *command: object) -> int:
    with open(layout.STATE / f"{name}.log", "wb") as log:
        return subprocess.Popen(
            [*network.within("control-plane"), *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        ).pid


def _until_ready() -> None:
    _until(_kubectl("get", "--raw", "/readyz"))


def _until_answered(url: str) -> None:
    fetch = f"import urllib.request; urllib.request.urlopen({url!r}, timeout=5)"
    _until([*network.within("control-plane"), sys.executable, "-c", fetch])


def _until(command: list[str]) -> None:
    """Returns once the command succeeds. Ends the cluster when that takes over a minute."""
    deadline = time.monotonic() + 60
    while (tried := subprocess.run(command, capture_output=True, text=True, check=False)).returncode:
        if time.monotonic() > deadline:
            raise SystemExit(f"{' '.join(command)}: {tried.stderr}")
        time.sleep(0.25)


def _hold_client() -> int:
    """Declares the client's network as a place that vantages find: by a process there that names it."""
    cluster = kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
    declared = os.environ | {"KINSPECT_PLACE": f"{cluster}/declared//client"}
    return subprocess.Popen([*network.within("client"), "sleep", "infinity"], env=declared).pid


def _nodes() -> str:
    """The Node objects, made before their kubelets so that pod ranges are known from the start."""
    nodes = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": node.name},
            "spec": {"podCIDR": node.pod_cidr, "podCIDRs": [node.pod_cidr]},
        }
        for node in layout.NODES
    ]
    return yaml.safe_dump_all(nodes, explicit_start=True) + "---\n"


def _identity() -> str:
    """This process as the machine outside sees it: pid and start time. /proc still is the machine's."""
    pid = Path("/proc/self").readlink().name
    return f"{pid} {layout.start_time(int(pid))}"


if __name__ == "__main__":
    main()
