"""The table of hops on the real cluster: the rules are kube-proxy's own, in the mode of the node that is met.

In the lab it is tried with both modes of the proxy and both ways to join pods: tests/asks. The real cluster
has no balancer but a router: what a balancer of mode Proxy does, the router is told to do here.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from kinspect.asks.trace import TraceAsk, trace
from kinspect.model.meta import Key
from kinspect.model.path import Trace
from tests.conformance import layout

from . import connector, real
from .ground import Ground, run, said, snapshot
from .hops import CASES, differences
from .settling import settle

pytestmark = pytest.mark.conformance
GROUNDS = Path(__file__).parents[1] / "asks/grounds.yaml"
MET = {"iptables": ("node1", "node2"), "nftables": ("node2", "node1")}
"""The mode of the node that is met first, and the nodes that the table calls node1 and node2."""


class OnTheRealCluster:
    """The real cluster as the table of hops wants it, with the nodes in one order or the other."""

    client, balancer, bridges = layout.CLIENT, layout.NODE_GATEWAY, True

    def __init__(self, ground: Ground, namespace: str, nodes: tuple[str, str]) -> None:
        self._ground, self.namespace, self.nodes = ground, namespace, nodes
        self.snapshot = snapshot(ground)

    def traced(self, ask: TraceAsk) -> Trace:
        return asyncio.run(trace(self.snapshot, ask)).trace

    def answer(self, vantage: str, address: str, port: int) -> tuple[str, str]:
        case = {"id": 0, "protocol": "TCP", "address": address, "port": port}
        told = json.loads(
            run(self._ground, vantage, [sys.executable, connector.__file__, "1"], json.dumps([case]))
        )
        assert told["outcome"] == "answered", told
        return told["pod"].partition("/")[2], told["seen"].partition(":")[0]


@pytest.fixture(scope="module", params=MET)
def hops(request: pytest.FixtureRequest) -> Iterator[OnTheRealCluster]:
    ground, mode = real.here(), str(request.param)
    assert ground is not None
    namespace, nodes = f"hops-{mode}", MET[mode]
    ground.apply(_moved(GROUNDS.read_text(), namespace, nodes))
    settle(ground)
    there = OnTheRealCluster(ground, namespace, nodes)
    router = ["nsenter", f"--net=/proc/{ground.machine}/ns/net", "--"]
    with _declared(ground, "client"):
        said([*router, "nft", "-f", "-"], _balancing(there))
        for route in _routes(there):
            said([*router, "ip", "route", "add", *route])
        yield there
        for route in _routes(there):
            said([*router, "ip", "route", "del", *route])
        said([*router, "nft", "delete", "table", "ip", namespace])
    ground.kubectl("delete", "namespace", namespace, "--wait=false")


def _moved(text: str, namespace: str, nodes: tuple[str, str]) -> str:
    """The objects of the lab's ground in a namespace of their own, on these nodes, on other node ports."""
    objects = [each for each in yaml.safe_load_all(text) if each["kind"] != "Ingress"]
    for each in objects:
        if each["kind"] == "Namespace":
            each["metadata"]["name"] = namespace
            continue
        each["metadata"]["namespace"] = namespace
        if each["kind"] == "Pod":
            each["spec"]["nodeName"] = dict(zip(("node1", "node2"), nodes, strict=True))[
                each["spec"]["nodeName"]
            ]
        for port in each["spec"].get("ports", ()):
            if "nodePort" in port:
                port["nodePort"] += 1000 if nodes[0] == "node1" else 1100
    return yaml.safe_dump_all(objects)


@contextmanager
def _declared(ground: real.Real, place: str) -> Iterator[None]:
    """A process in a place outside of the cluster that says whose it is, as the lab's own do."""
    uid = ground.kubectl("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")
    named = f"KINSPECT_PLACE={uid}/declared//{place}"
    with subprocess.Popen([*ground.within(place), "env", named, "sleep", "infinity"]) as holding:
        try:
            yield
        finally:
            holding.kill()


def _address(there: OnTheRealCluster, name: str) -> str:
    service = there.snapshot.services[Key(there.namespace, name)]
    return str(service.status.load_balancer.ingress[0].ip)


def _routes(there: OnTheRealCluster) -> list[list[str]]:
    """What a balancer knows: where the pods of the second node are, and that policy Local has one there."""
    (second,) = [node for node in layout.NODES if node.name == there.nodes[1]]
    return [[to, "via", second.address] for to in (second.pod_cidr, _address(there, "far-local"))]


def _balancing(there: OnTheRealCluster) -> str:
    """The nft script of a balancer of mode Proxy: the first node's port; where a backend is; a pod itself."""
    first, second = (node for name in there.nodes for node in layout.NODES if node.name == name)
    pod = there.snapshot.pods[Key(there.namespace, "there")].ips[0]
    ports = {
        name: there.snapshot.services[Key(there.namespace, name)].spec.ports[0].node_port
        for name in ("far-proxied", "far-proxied-local")
    }
    to = {
        "far-proxied": f"{first.address}:{ports['far-proxied']}",
        "far-proxied-local": f"{second.address}:{ports['far-proxied-local']}",
        "far-direct": f"{pod}:8080",
    }
    rules = "\n".join(
        f"    ip daddr {_address(there, name)} tcp dport 80 dnat to {end}" for name, end in to.items()
    )
    return f"""
table ip {there.namespace} {{
  chain choose {{
    type nat hook prerouting priority dstnat; policy accept;
{rules}
  }}
  chain hide {{
    type nat hook postrouting priority srcnat; policy accept;
    ct status dnat masquerade
  }}
}}
"""


@pytest.mark.parametrize("name", CASES)
def test_predicted_traced_and_answered_are_one(hops: OnTheRealCluster, name: str) -> None:
    case = CASES[name]
    swapped = dict(zip(("node1", "node2"), hops.nodes, strict=True))
    renamed = [re.sub(r"\bnode[12]\b", lambda found: swapped[found.group()], each) for each in case[:2]]
    assert not differences(hops, case._replace(target=renamed[0], vantage=renamed[1]))
