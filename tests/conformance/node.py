"""Process 1 of a node: containerd, kubelet and kube-proxy, kept running. `python -m … NAME`

It has network, mount, pid, uts, ipc and cgroup namespaces of its own; when it ends, so does all of the node.
What a node of its own machine would have is shown to it by mounts that only it sees.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import yaml

from . import cgroups, layout, programs

_SOCKET = "/run/containerd/containerd.sock"
_SYSCTLS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
}
"""kubelet sets these for the whole machine unless they are so: it is shown files that say they are."""


def main(node: layout.Node) -> None:
    """Never returns."""
    _mount_own_world(node)
    folders = programs.folders()
    path = ":".join([*(str(folder) for folder in folders.values()), "/usr/sbin:/usr/bin:/sbin:/bin"])
    os.environ.update(PATH=path, HOME="/root")
    os.environ.pop("XDG_RUNTIME_DIR", None)
    configurations = {
        "containerd": _containerd(folders["cni"], node),
        "kubelet": yaml.safe_dump(_kubelet(node)),
        "kube-proxy": yaml.safe_dump(_kube_proxy(node)),
    }
    for name, text in configurations.items():
        (node.folder / f"{name}.conf").write_text(text)
    commands = {
        "containerd": ["containerd", "--config", f"{node.folder}/containerd.conf"],
        "kubelet": ["kubelet", f"--config={node.folder}/kubelet.conf", f"--hostname-override={node.name}",
                    f"--kubeconfig={layout.STATE}/{node.name}.kubeconfig", f"--node-ip={node.address}"],
        "kube-proxy": ["kube-proxy", f"--config={node.folder}/kube-proxy.conf"],
    }  # fmt: skip
    running = {_start(node, "containerd", commands["containerd"]): "containerd"}
    _import_images(node)
    for name in ("kubelet", "kube-proxy"):
        running[_start(node, name, commands[name])] = name
    while True:
        ended, _ = os.wait()  # process 1 inherits, and has to bury, every orphan of the node
        if name := running.pop(ended, ""):
            time.sleep(1)  # not to spin when a program cannot start
            running[_start(node, name, commands[name])] = name


def _mount_own_world(node: layout.Node) -> None:
    def mount(*arguments: object) -> None:
        subprocess.run(["mount", *map(str, arguments)], check=True)

    subprocess.run(["hostname", node.name], check=True)
    mount("--make-rshared", "/")
    mount("-t", "proc", "proc", "/proc")
    mount("-t", "sysfs", "sysfs", "/sys")
    cgroups.mount_own()
    mount("-t", "tmpfs", "tmpfs", "/run")
    for place in ("lib", "log"):
        (node.folder / place).mkdir()
        mount("--bind", node.folder / place, f"/var/{place}")
    for name, value in _SYSCTLS.items():
        shown = node.folder / name.replace("/", "-")
        shown.write_text(value)
        mount("--bind", shown, f"/proc/sys/{name}")


def _start(node: layout.Node, name: str, command: list[str]) -> int:
    with open(node.folder / f"{name}.log", "ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log).pid


def _import_images(node: layout.Node) -> None:
    ctr = ["ctr", "--address", _SOCKET]
    for _ in range(100):
        if subprocess.run([*ctr, "version"], capture_output=True, check=False).returncode == 0:
            break
        time.sleep(0.1)
    for image in sorted(layout.IMAGES.glob("*.tar")):
        with open(node.folder / "images.log", "ab") as log:
            subprocess.run(
                [*ctr, "-n", "k8s.io", "images", "import", image], stdout=log, stderr=log, check=True
            )


def _containerd(plugins: Path, node: layout.Node) -> str:
    return f"""
version = 3
disabled_plugins = ["io.containerd.nri.v1.nri"]
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{layout.PAUSE_IMAGE}"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["{plugins}"]
  conf_dir = "{node.folder}/cni"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  options = {{SystemdCgroup = false}}
"""


def _kubelet(node: layout.Node) -> dict[str, object]:
    own = layout.STATE / node.name
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node.address,
        "authentication": {
            "x509": {"clientCAFile": f"{layout.STATE}/ca.crt"},
            "anonymous": {"enabled": False},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{own}.crt",
        "tlsPrivateKeyFile": f"{own}.key",
        "containerRuntimeEndpoint": f"unix://{_SOCKET}",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,  # lowering it needs a capability that root in a container may lack
        "clusterDNS": [layout.DNS_SERVICE],
        "clusterDomain": layout.ZONE,
        "resolvConf": str(layout.STATE / "resolv.conf"),
        # A full disk of the machine is no reason to evict the pods of a test.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
    }


def _kube_proxy(node: layout.Node) -> dict[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": f"{layout.STATE}/kube-proxy.kubeconfig"},
        "hostnameOverride": node.name,
        "mode": node.proxy_mode,
        "clusterCIDR": layout.POD_CIDR,
        "conntrack": {"maxPerCore": 0},  # a setting of the whole machine
        "oomScoreAdj": 0,
    }


if __name__ == "__main__":
    main(next(node for node in layout.NODES if node.name == sys.argv[1]))
