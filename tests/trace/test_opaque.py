"""Tunnels that are not looked into and eBPF programs are said to be opaque, and the others are not."""

from __future__ import annotations

import pytest

from kinspect.model.observation import Link
from kinspect.model.path import At, Hop
from kinspect.trace.opaque import Program, hooked, opaque
from kinspect.trace.sighting import Place

HOP = Hop("original", At("node", "node1"), interface="tunnel")


@pytest.mark.parametrize(
    ("kind", "said"), [("wireguard", True), ("ipip", True), ("vxlan", False), ("", False)]
)
def test_what_is_said_of_a_tunnel(kind: str, said: bool) -> None:
    words = opaque([HOP, HOP], {Place("node", "node1"): [Link(1, "tunnel", kind)]})
    assert words.count("tunnel of node1") == int(said)


def test_what_is_said_of_ebpf_programs() -> None:
    node = Place("node", "node1")
    told = hooked(
        [
            Program(node, "", "connect", "cali_v4_connect"),
            Program(node, "lxc1", "ingress", "cil_from"),
            Program(node, "eth0", "egress", "cil_from"),
            Program(node, "eth0", "ingress", ""),
        ]
    )
    assert [each.partition(":")[0] for each in told] == [
        "eBPF program cali_v4_connect (Calico) in connect(2) at node/node1",
        "eBPF program cil_from (Cilium) at ingress of lxc1 at node/node1, egress of eth0 at node/node1",
        "eBPF program without a name at ingress of eth0 at node/node1",
    ]
    assert hooked([]) == ()
