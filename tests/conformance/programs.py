"""Builds the cluster's programs from pinned sources: ordinary Go tools, one small module per project.

A module of its own for each project keeps the versions that the project itself chose: in one common
module the highest version of every shared library would win. What is built is kept in a folder named
after the module's pins, so a changed pin builds anew and an unchanged one costs nothing.
"""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kinspect.lab.isolation import die_with_parent

from .layout import CACHE, HERE

KUBERNETES = "v1.36.3"
CONTAINERD = "v2.4.2"
_KUBERNETES_VERSION = "k8s.io/component-base/version"


@dataclass(frozen=True)
class Module:
    """A folder below tools/ with a go.mod: its packages, and how they are built."""

    folder: str
    packages: tuple[str, ...]
    link: str = ""
    tags: str = ""
    static: bool = False

    def output(self) -> Path:
        """The folder of the built programs, named after everything that shapes them."""
        here = HERE / "tools" / self.folder
        shape = hashlib.sha256(f"{self.link} {self.tags} {self.static}".encode())
        for pins in ("go.mod", "go.sum"):
            shape.update((here / pins).read_bytes())
        return CACHE / "bin" / f"{self.folder}-{shape.hexdigest()[:12]}"


def modules() -> Iterator[Module]:
    """Every module to build here; kubectl only where the machine has none."""
    commands = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet"]
    if not shutil.which("kubectl"):
        commands.append("kubectl")
    major, minor, _ = KUBERNETES.removeprefix("v").split(".")
    stamp = {"gitVersion": KUBERNETES, "gitMajor": major, "gitMinor": minor}
    yield Module(
        "kubernetes",
        tuple(f"k8s.io/kubernetes/cmd/{name}" for name in commands),
        link=" ".join(f"-X {_KUBERNETES_VERSION}.{key}={value}" for key, value in stamp.items()),
    )
    yield Module("coredns", ("github.com/coredns/coredns",))
    containerd = "github.com/containerd/containerd/v2"
    yield Module(
        "containerd",
        tuple(f"{containerd}/cmd/{name}" for name in ("containerd", "containerd-shim-runc-v2", "ctr")),
        link=f"-X {containerd}/version.Version={CONTAINERD}",
        tags="no_btrfs no_devmapper no_zfs no_aufs netgo osusergo",
        static=True,
    )
    plugins = "github.com/containernetworking/plugins/plugins"
    yield Module(
        "cni",
        tuple(f"{plugins}/{name}" for name in ("main/bridge", "main/loopback", "ipam/host-local")),
        static=True,
    )


def etcd() -> Module:
    """Not part of the cluster: the benchmark of reading puts it behind a real API server (see its go.mod)."""
    return Module("etcd", ("go.etcd.io/etcd/server/v3",))


def build(say: Callable[[str], None]) -> None:
    """Builds what is missing, one program at a time so that each is told as it is done."""
    for module in modules():
        for package in module.packages:
            built(module, package, say)


def built(module: Module, package: str, say: Callable[[str], None]) -> Path:
    """The program of one package, built now if it is missing."""
    program = module.output() / re.sub(r"/v\d+$", "", package).rpartition("/")[2]  # as Go names it
    if not program.exists():
        say(f"building {program.name}")
        _go_build(module, package, program)
    return program


def folders() -> dict[str, Path]:
    """The folder of every module's programs, by the module's name."""
    return {module.folder: module.output() for module in modules()}


def _go_build(module: Module, package: str, program: Path) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    unfinished = program.with_suffix(".building")
    command = ["go", "build", "-trimpath", f"-ldflags=-s -w {module.link}".rstrip()]
    command += ["-tags", module.tags] if module.tags else []
    subprocess.run(
        [*command, "-o", unfinished, package],
        cwd=HERE / "tools" / module.folder,
        env=os.environ | ({"CGO_ENABLED": "0"} if module.static else {}),
        check=True,
        preexec_fn=die_with_parent,
    )
    unfinished.rename(program)
