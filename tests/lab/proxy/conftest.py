"""What the proxy's tests stand on: a recorded real cluster, and namespaces that die with a command."""

from __future__ import annotations

import gzip
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from kinspect.lab.proxy.world import World
from kinspect.model.endpointslice import EndpointSlice
from kinspect.model.node import Node
from kinspect.model.service import Service

RECORDED = Path(__file__).parent / "recorded"


class Objects(msgspec.Struct):
    """The objects that the recorded node rules were made from, by a real kube-proxy 1.36.3."""

    services: tuple[Service, ...] = msgspec.field(name="Service")
    slices: tuple[EndpointSlice, ...] = msgspec.field(name="EndpointSlice")
    nodes: tuple[Node, ...] = msgspec.field(name="Node")


@pytest.fixture(scope="session")
def recorded() -> Callable[[str], str]:
    """The text of a recorded file."""
    return lambda name: gzip.decompress((RECORDED / f"{name}.gz").read_bytes()).decode()


@pytest.fixture(scope="session")
def world(recorded: Callable[[str], str]) -> World:
    """The recorded cluster, with the flags that its proxies ran with (their /configz)."""
    objects = msgspec.json.decode(recorded("objects.json"), type=Objects)
    return World(
        services=objects.services,
        slices=objects.slices,
        nodes=objects.nodes,
        cluster_cidr="10.244.0.0/16",
        service_cidrs=("10.96.0.0/16",),
        node_port_addresses=("192.0.2.0/24",),
    )


@pytest.fixture(scope="session")
def in_namespace() -> Callable[[str, str], str]:
    """Runs a shell command, with this input, in a new network namespace that ends with it."""
    isolation = (
        ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
    )

    def run(command: str, text: str) -> str:
        argv = [*isolation, "sh", "-euc", command]
        done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    try:
        run("iptables-restore --test && nft list tables", "*filter\nCOMMIT\n")
    except (AssertionError, OSError) as why:
        pytest.skip(f"no network namespace with iptables and nft here: {why}")
    return run
