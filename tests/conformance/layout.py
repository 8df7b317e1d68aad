"""Where everything of the conformance cluster is: addresses, files, names. Only constants and paths.

The addresses come from the blocks that RFC 2544 and RFC 5737 set aside for tests, and exist only in
network namespaces that the cluster makes itself.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kinspect-conformance"
"""Built programs and images: kept from run to run, thrown away at will."""
IMAGES = CACHE / "images"
STATE = CACHE / "state"
"""Everything that one run of the cluster writes: gone with it."""
RUNNING = STATE / "machine.pid"
"""Names the process that holds every other: `<pid> <start time>`."""
KUBECONFIG = STATE / "admin.kubeconfig"

NODE_GATEWAY = "198.51.100.1"
CONTROL_PLANE = "198.51.100.5"
API = f"https://{CONTROL_PLANE}:6443"
POD_CIDR = "198.18.0.0/17"
OUTSIDE_GATEWAY = "198.18.128.1"
CLIENT = "198.18.128.9"
BALANCER_CIDR = "198.18.129.0/24"
SERVICE_CIDR = "198.19.0.0/16"
API_SERVICE = "198.19.0.1"
DNS_SERVICE = "198.19.0.10"
ZONE = "cluster.local"

ECHO_IMAGE = "registry.test/echo:1"
PAUSE_IMAGE = "registry.test/pause:1"
DNS_IMAGE = "registry.test/coredns:1"


@dataclass(frozen=True)
class Node:
    """One node of the cluster, and the way its Services are programmed."""

    name: str
    address: str
    pod_cidr: str
    proxy_mode: str
    topology_zone: str

    @property
    def folder(self) -> Path:
        """Holds what this node writes: below it are its logs."""
        return STATE / self.name


NODES = (
    Node("node1", "198.51.100.11", "198.18.1.0/24", "iptables", "zone-a"),
    Node("node2", "198.51.100.12", "198.18.2.0/24", "nftables", "zone-b"),
    Node("node3", "198.51.100.13", "198.18.3.0/24", "iptables", "zone-a"),
)


def module(name: str) -> list[str]:
    """The command line that runs a module of this folder, from any working directory."""
    return ["env", f"PYTHONPATH={HERE.parent.parent}", sys.executable, "-m", f"tests.conformance.{name}"]


def start_time(pid: int) -> str:
    """When a process began, in clock ticks since boot: with its pid, its name for ever. proc_pid_stat(5).

    Raises ProcessLookupError or FileNotFoundError when there is no such process.
    """
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
