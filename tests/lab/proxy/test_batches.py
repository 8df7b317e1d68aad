"""Rules in pieces end as the same rules, and an unprivileged user may load them."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace

import pytest

from kinspect.lab.proxy import iptables, nftables
from kinspect.lab.proxy.batches import iptables_batches, nftables_batches
from kinspect.lab.proxy.world import World
from kinspect.model.endpointslice import Endpoint, EndpointPort, EndpointSlice
from kinspect.model.meta import Meta
from kinspect.model.service import Service, ServicePort, ServiceSpec

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []


@pytest.fixture(scope="module")
def large(world: World) -> World:
    """The recorded cluster and 40 Services of 50 endpoints more: thousands of rules."""
    services = [
        Service(
            metadata=Meta(f"s{n}", "big"),
            spec=ServiceSpec(
                cluster_ip=f"10.96.7.{n + 1}",
                ports=(ServicePort("p", port=80),),
                session_affinity="ClientIP" if n % 2 else "None",
            ),
        )
        for n in range(40)
    ]
    slices = [
        EndpointSlice(
            metadata=Meta(f"s{n}", "big", labels={"kubernetes.io/service-name": f"s{n}"}),
            endpoints_or_null=tuple(
                Endpoint((f"10.244.0.{last}",), node_name="node1") for last in range(2, 52)
            ),
            ports_or_null=(EndpointPort("p", "TCP", 8080),),
        )
        for n in range(40)
    ]
    return replace(world, services=(*world.services, *services), slices=(*world.slices, *slices))


def test_nothing_is_lost_and_order_is_kept(large: World) -> None:
    script = nftables.render(large, "node1")
    assert "".join(nftables_batches(script)) == script
    text = iptables.render(large, "node1")
    pieces = iptables_batches(text)
    assert pieces[0] == "*mangle\nCOMMIT\n*filter\nCOMMIT\n*nat\nCOMMIT\n"
    for mark in (":", "-A "):
        written = [line for line in text.splitlines() if line.startswith(mark)]
        assert [line for piece in pieces for line in piece.splitlines() if line.startswith(mark)] == written
    assert len(pieces) > 20


@pytest.mark.lab
@pytest.mark.parametrize("mode", ["iptables", "nftables"])
def test_an_unprivileged_user_loads_thousands_of_rules(mode: str, large: World) -> None:
    if mode == "iptables":
        first, *others = iptables_batches(iptables.render(large, "node1"))
        loads = [("iptables-restore", first), *(("iptables-restore --noflush", piece) for piece in others)]
        show = "iptables-save"
    else:
        loads = [("nft -f -", piece) for piece in nftables_batches(nftables.render(large, "node1"))]
        show = "nft list ruleset"
    shell = [*NOBODY, "unshare", "--user", "--map-root-user", "--net", "sh", "-eu"]
    can = run(shell, "nft list tables")
    if can.returncode != 0:
        pytest.skip(f"no user namespace for an unprivileged user here: {can.stderr.strip()}")
    script = "".join(f"{command} <<'PIECE'\n{piece}PIECE\n" for command, piece in loads)
    done = run(shell, f"{script}{show}\n")
    assert done.returncode == 0, done.stderr[-1000:]
    assert done.stdout.count("10.244.0.51") >= 40


def run(argv: list[str], script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, input=script, capture_output=True, text=True, timeout=90, check=False)
