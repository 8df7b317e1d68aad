"""What the machine must have before anything is built; as root, what Debian has of it is installed."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

_PACKAGES = {
    "etcd": "etcd-server",
    "runc": "runc",
    "iptables": "iptables",
    "nft": "nftables",
    "conntrack": "conntrack",
    "openssl": "openssl",
    "ip": "iproute2",
    "nsenter": "util-linux",
}
"""Programs that are looked for on PATH, and the Debian package of each."""


def missing() -> str | None:
    """Why the conformance run cannot be had on this machine at all, None when it can."""
    if os.geteuid() != 0:
        return "it needs root: kubelet and containerd run as nothing else"
    if not shutil.which("go"):
        return "it needs Go: the Kubernetes programs are built from their sources"
    if (
        not Path("/proc/sys/net/bridge").exists()
        and subprocess.run(["modprobe", "br_netfilter"], check=False).returncode
    ):
        return "it needs the kernel module br_netfilter"
    return None


def install(say: Callable[[str], None]) -> None:
    """Installs the packages whose programs are not there. Raises CalledProcessError when that fails."""
    packages = sorted({package for program, package in _PACKAGES.items() if not shutil.which(program)})
    if not packages:
        return
    say(f"installing {' '.join(packages)}")
    apt = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
    subprocess.run([*apt, "update"], check=True)
    # etcd's package would start a service of its own: policy-rc.d is how Debian is told not to.
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*apt, "install", "-y", "--no-install-recommends", *packages], env=environment, check=True)
