"""What the scenarios stand on: a cluster, whoever made it, and a way to run commands in its places."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from kinspect.model.snapshot import Snapshot
from kinspect.sources.manifests import Text, snapshot_of_texts

Json = dict[str, Any]
READ = "services,endpointslices,pods,nodes,namespaces"


class Ground(Protocol):
    """A running cluster. Places are named `client`, `node/NAME` and `pod/NAMESPACE/NAME`."""

    modes: Mapping[str, str]
    """Node → the mode of its service proxy: iptables or nftables."""

    networks: Mapping[str, str]
    """The beginnings of its addresses → what those of such a network are, and whole networks by name."""
    kubeconfig: str

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """What kubectl answers. Raises AssertionError."""
        ...

    def within(self, place: str) -> Sequence[str]:
        """The beginning of a command line that runs the rest in the network of a place."""
        ...

    def apply(self, manifests: str) -> None:
        """Makes the objects of a manifest file and waits until the pods that can be ready are."""
        ...

    def broken(self, fault: str, here: int, there: int) -> AbstractContextManager[None]:
        """The fault of this name is on node number `here` for as long as the block lasts; see `faults`."""
        ...


def snapshot(ground: Ground) -> Snapshot:
    """What the API says now, read as kinspect reads a file."""
    listed = ground.kubectl("get", READ, "--all-namespaces", "-o", "json")
    return snapshot_of_texts([Text("kubectl", listed.encode())], "the ground")


def run(ground: Ground, place: str, command: Sequence[str], stdin: str = "") -> str:
    """What a command in a place says. Raises AssertionError when it fails."""
    return said([*ground.within(place), *command], stdin)


def said(command: Sequence[str], stdin: str = "") -> str:
    """What a command says on stdout. Raises AssertionError, with what it says on stderr, when it fails."""
    done = subprocess.run(command, input=stdin, text=True, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout
