"""The conformance cluster as a ground. Its places are found as any tool on the machine would: in /proc."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import yaml

from tests.conformance import cluster, layout, manifests

from . import breaking
from .ground import Json, run, said

_MODES = {None: "VIP", "lab.kinspect/proxy": "Proxy"}
"""Load balancer class → how its balancer passes packets on. Other classes are nobody's."""
NETWORKS: Mapping[str, str] = {
    "198.51.100.": "node.",
    "198.18.128.": "outside.",
    "198.18.129.": "balancer.",
    layout.POD_CIDR: "pods",
    "198.18.": "pod.",
    "198.19.": "service.",
}


class Real:
    """The cluster that `tests/conformance/run` has booted, in whose control-plane network we already are."""

    def __init__(self, machine: int) -> None:
        self.machine = machine
        self.kubeconfig = str(layout.KUBECONFIG)
        self.networks = NETWORKS
        self.modes: Mapping[str, str] = {node.name: node.proxy_mode for node in layout.NODES}

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        return said(["kubectl", f"--kubeconfig={layout.KUBECONFIG}", *arguments], stdin)

    def within(self, place: str) -> Sequence[str]:
        match place.split("/"):
            case ["pod", namespace, name]:
                uid = self.kubectl("-n", namespace, "get", "pod", name, "-o", "jsonpath={.metadata.uid}")
                return ["nsenter", f"--net=/proc/{_process_of(uid)}/ns/net", "--"]
            case ["node", name]:
                return cluster.within(self.machine, name)
            case _:
                return cluster.within(self.machine, place)

    def apply(self, text: str) -> None:
        objects = manifests.for_real(text)
        self.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))
        for each in objects:
            if each["kind"] == "Service" and each["spec"].get("type") == "LoadBalancer":
                mode = _MODES.get(each["spec"].get("loadBalancerClass"))
                if mode:
                    self._give_address(each, mode)

    def broken(self, fault: str, here: int, there: int) -> AbstractContextManager[None]:
        return breaking.broken(self, fault, here, there)

    def processes(self, place: str, program: str) -> list[int]:
        """Those of a place with an argument that ends with these words, as this machine numbers them."""
        network = run(self, place, ["readlink", "/proc/self/ns/net"]).strip()
        return [pid for pid in _numbers() if _runs(pid, network, program)]

    def _give_address(self, service: Json, mode: str) -> None:
        """Does what a cloud's balancer would: the Service gets an address that is routed to the nodes."""
        namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
        listed = json.loads(self.kubectl("get", "services", "-A", "-o", "json"))["items"]
        taken = {
            entry.get("ip") for each in listed for entry in each["status"]["loadBalancer"].get("ingress", ())
        }
        network = layout.BALANCER_CIDR.rpartition(".")[0]
        free = next(ip for number in range(1, 255) if (ip := f"{network}.{number}") not in taken)
        status = json.dumps({"status": {"loadBalancer": {"ingress": [{"ip": free, "ipMode": mode}]}}})
        self.kubectl(
            "-n", namespace, "patch", "service", name, "--subresource=status", "--type=merge", "-p", status
        )


def _process_of(uid: str) -> int:
    """Any process of a pod: kubelet names the pod's control group after its UID."""
    for pid in _numbers():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if f"pod{uid}/" in Path(f"/proc/{pid}/cgroup").read_text():
                return pid
    raise LookupError(f"no process of pod {uid} is running")


def _runs(pid: int, network: str, program: str) -> bool:
    try:
        at = str(Path(f"/proc/{pid}/ns/net").readlink())
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:  # it has ended meanwhile
        return False
    return at == network and any(word.endswith(program) for word in words)


def _numbers() -> Iterator[int]:
    """The processes of this machine."""
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def here() -> Real | None:
    """The cluster that we were started on, None when there is none."""
    machine = os.environ.get("KINSPECT_CONFORMANCE")
    return Real(int(machine)) if machine else None
