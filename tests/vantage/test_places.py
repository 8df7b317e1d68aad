"""Whose namespace is it: one case per kind of evidence, and what happens when two disagree."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kinspect.model.coverage import Coverage
from kinspect.model.meta import Meta, Ref
from kinspect.model.node import Namespace, Node, NodeAddress, NodeSpec, NodeStatus
from kinspect.model.pod import Pod, PodSpec, PodStatus
from kinspect.model.snapshot import Snapshot, snapshot_of
from kinspect.vantage.connection import NamespacePath, started
from kinspect.vantage.places import DECLARED, NetNamespace, Process, find, pod_uid
from kinspect.vantage.proc import Listing, net_namespaces

CLUSTER = "11111111-2222-3333-4444-555555555555"
UID = "0a1b2c3d-1111-2222-3333-444455556666"
OTHER_UID = "9a1b2c3d-1111-2222-3333-444455556666"


def snapshot(cluster: str = CLUSTER) -> Snapshot:
    addresses = (NodeAddress("InternalIP", "192.0.2.11"),)
    objects = [
        ("Namespace", Namespace(Meta("kube-system", uid=cluster))),
        ("Node", Node(Meta("node1"), NodeSpec("10.244.1.0/24", ("10.244.1.0/24",)), NodeStatus(addresses))),
        ("Pod", Pod(Meta("web-0", "shop", UID), PodSpec("node1"), PodStatus(pod_ip="10.244.1.9"))),
        ("Pod", Pod(Meta("web-1", "shop", OTHER_UID), PodSpec("node1"), PodStatus(pod_ip="10.244.1.10"))),
        (
            "Pod",
            Pod(
                Meta("proxy", "kube-system", "5a1b2c3d-1111-2222-3333-444455556666"),
                PodSpec("node1", host_network=True),
                PodStatus(pod_ip="192.0.2.11"),
            ),
        ),
    ]
    return snapshot_of(objects, {"Pod": Coverage("given")})


def namespace(inode: int, *processes: Process, addresses: frozenset[str] = frozenset()) -> NetNamespace:
    return NetNamespace(NamespacePath(f"/proc/{inode}/ns/net", inode), None, processes, "", addresses)


def process(cgroup: str = "0::/init", place: str = "") -> Process:
    return Process(1, cgroup, place)


WEB0, WEB1, NODE1 = Ref("Pod", "shop", "web-0"), Ref("Pod", "shop", "web-1"), Ref("Node", "", "node1")
OF_WEB0 = process(f"0::/kubepods/burstable/pod{UID}/abc")
OF_WEB1 = process(f"0::/kubepods.slice/kubepods-pod{OTHER_UID.replace('-', '_')}.slice/cri.scope")
OF_PROXY = process("0::/kubepods/besteffort/pod5a1b2c3d-1111-2222-3333-444455556666/abc")

CASES: dict[str, tuple[list[NetNamespace], set[Ref], int]] = {
    "a cgroup with dashes": ([namespace(7, OF_WEB0)], {WEB0}, 0),
    "a cgroup with underscores": ([namespace(7, OF_WEB1)], {WEB1}, 0),
    "the environment": ([namespace(7, process(place=f"{CLUSTER}/node//node1"))], {NODE1}, 0),
    "a declared place": (
        [namespace(7, process(place=f"{CLUSTER}/declared//client"))],
        {Ref(DECLARED, "", "client")},
        0,
    ),
    "another cluster's environment": ([namespace(7, process(place="other/node//node1"))], set(), 0),
    "nonsense in the environment": ([namespace(7, process(place=f"{CLUSTER}/node/node1"))], set(), 0),
    "a pod's address": ([namespace(7, process(), addresses=frozenset({"10.244.1.9"}))], {WEB0}, 0),
    "a node's address": ([namespace(7, process(), addresses=frozenset({"192.0.2.11"}))], {NODE1}, 0),
    "a hostNetwork pod is its node": ([namespace(7, OF_PROXY)], {NODE1}, 0),
    "two pods by cgroup: unknown": ([namespace(7, OF_WEB0, OF_WEB1)], set(), 1),
    "a cgroup beats an address": (
        [namespace(7, OF_WEB0, addresses=frozenset({"10.244.1.10"}))],
        {WEB0},
        0,
    ),
    "one pod in two namespaces: unknown": ([namespace(7, OF_WEB0), namespace(8, OF_WEB0)], set(), 1),
    "two with a node's address, one with its pod network": (
        [
            namespace(7, process(), addresses=frozenset({"192.0.2.11", "10.244.1.1"})),
            namespace(8, process(), addresses=frozenset({"192.0.2.11", "10.244.2.1"})),
        ],
        {NODE1},
        0,
    ),
    "two with a node's address: unknown": (
        [namespace(number, process(), addresses=frozenset({"192.0.2.11"})) for number in (7, 8)],
        set(),
        1,
    ),
    "nobody's": ([namespace(7, process(), addresses=frozenset({"172.17.0.1"}))], set(), 0),
}


@pytest.mark.parametrize("case", CASES)
def test_places(case: str) -> None:
    namespaces, expected, doubts = CASES[case]
    places = find(namespaces, snapshot())
    assert set(places.known) == expected
    assert len(places.doubts) == doubts


def test_a_doubt_names_both() -> None:
    (doubt,) = find([namespace(7, OF_WEB0, OF_WEB1)], snapshot()).doubts
    assert "Pod shop/web-0 and Pod shop/web-1" in doubt.reason


@pytest.mark.parametrize(
    ("cgroup", "uid"),
    [
        ("12:pids:/kubepods/besteffort/pod" + UID, UID),
        (
            "0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod0a1b2c3d_1111_2222_3333_444455556666.slice",
            UID,
        ),
        ("0::/kubepods/pod" + "ab" * 16 + "/x", "ab" * 16),
        ("0::/user.slice/podman-12", None),
        ("", None),
    ],
)
def test_pod_uid(cgroup: str, uid: str | None) -> None:
    assert pod_uid(cgroup) == uid


@pytest.mark.lab
def test_real_namespaces_are_found(ground: Any) -> None:
    async def listed() -> Listing:
        async with started() as agent:
            return await net_namespaces(agent)

    places = find(asyncio.run(listed()).namespaces, snapshot(ground.cluster))
    assert set(places.known) >= {WEB0, NODE1, Ref(DECLARED, "", "client")}
    assert places.known[WEB0].namespace.path.inode == ground.net("pod").inode
    assert places.known[WEB0].namespace.owner is not None
    assert "10.9.2.9" in places.known[WEB0].namespace.addresses
