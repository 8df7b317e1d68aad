"""The scenario list: what is asked of every ground, and must be answered in the same words by each.

Each scenario is a name and a question. An answer is text with nothing in it that belongs to one ground only.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from typing import NamedTuple

from . import asker
from .ground import Ground, Json, run, said
from .normal import PINNED, Words, canonical, without
from .rules import proxy_rules

_WHY_UNREADY = re.compile(r"runs, but its readiness probe \(.*?\) does not succeed")
"""Which probe it is that fails differs: the real kubelet is given one that does."""
NAMESPACES = ("shop", "infra", PINNED)
_PLACEMENT = frozenset({"node", "zone", "nodeName"})
_GENERATED = frozenset({"takenAt", "uid", "resourceVersion"})


class Scenario(NamedTuple):
    """One question. `mode` = only nodes of this proxy mode can answer it, None = any ground can."""

    name: str
    ask: Callable[[Ground, Words], str]
    mode: str | None = None


def tree(ground: Ground, words: Words) -> str:
    """What `kinspect tree` says of every Service, its ports, its backends and what is wrong."""
    command = [
        sys.executable,
        "-P",
        "-m",
        "kinspect",
        "tree",
        "-A",
        "-o",
        "json",
        f"--kubeconfig={ground.kubeconfig}",
    ]
    services = json.loads(said(command))["services"]
    told = [_placed(each, each["namespace"]) for each in services if each["namespace"] in NAMESPACES]
    for backend in (each for service in told for port in service["ports"] for each in port["backends"]):
        if backend["address"] in _node_addresses(ground):
            del backend["pod"]  # one of those on the host network there, if it is only one
    return _WHY_UNREADY.sub("is not ready", canonical(words, told))


def slices(ground: Ground, words: Words) -> str:
    """What the slices hold: which pods, in which state, with which hints, on which ports."""
    items = json.loads(ground.kubectl("get", "endpointslices", "-A", "-o", "json"))["items"]
    told = [
        {
            "service": each["metadata"]["labels"]["kubernetes.io/service-name"],
            "namespace": each["metadata"]["namespace"],
            "labels": each["metadata"]["labels"],
            **{key: each.get(key) for key in ("addressType", "endpoints", "ports")},
        }
        for each in items
        if each["metadata"]["namespace"] in NAMESPACES
    ]
    return canonical(words, [_placed(each, each["namespace"]) for each in told])


NAMES = (
    *(f"{name} A" for name in (
        "web.shop.svc.cluster.local",
        "db.shop.svc.cluster.local",
        "db-0.db.shop.svc.cluster.local",
        "queue.infra.svc.cluster.local",
        "queue-1.queue.infra.svc.cluster.local",
        "archive-0.archives.infra.svc.cluster.local",
        "payments-by-address.shop.svc.cluster.local",
        "message-queue.shop.svc.cluster.local",
        "cart.shop.svc.cluster.local",
        "stock.shop.svc.cluster.local",
        "nothing.shop.svc.cluster.local",
        "web.nowhere.svc.cluster.local",
        "shop.svc.cluster.local",
        "svc.cluster.local",
        "sticky-headless.shop.svc.cluster.local",
        "alias.scenarios.svc.cluster.local",
        "a1.headless.scenarios.svc.cluster.local",
        "headless.scenarios.svc.cluster.local",
        "10-1-2-3.shop.pod.cluster.local",
        "10-1-2-3.nowhere.pod.cluster.local",
        "outside.example",
    )),
    "web.shop.svc.cluster.local AAAA",
    "web.shop.svc.cluster.local MX",
    "db.shop.svc.cluster.local AAAA",
    "_http._tcp.web.shop.svc.cluster.local SRV",
    "_postgres._tcp.db.shop.svc.cluster.local SRV",
    "_udp._udp.balanced.scenarios.svc.cluster.local SRV",
    "_none._tcp.web.shop.svc.cluster.local SRV",
    "_http._tcp.colours.shop.svc.cluster.local SRV",
    "dns-version.cluster.local TXT",
    "WEB.Shop.svc.cluster.local A",
)  # fmt: skip
"""S8, S9, S20, S21: names and what is asked of them. `IP of …` in the reverse ones is looked up first."""


def names(ground: Ground, words: Words) -> str:
    """What the cluster's DNS answers in a pod: code and records, and the names of addresses."""
    looked_up = json.loads(ground.kubectl("-n", "kube-system", "get", "service", "kube-dns", "-o", "json"))
    reverse = [f"{asker.reversed_name(ip)} PTR" for ip in _addresses(ground)]
    questions = json.dumps({"server": looked_up["spec"]["clusterIP"], "questions": [*NAMES, *reverse]})
    answers = json.loads(run(ground, "pod/shop/toolbox", [sys.executable, str(asker.__file__)], questions))
    return canonical(words, answers)


def _addresses(ground: Ground) -> list[str]:
    """A virtual IP, a pod with a name of its own and one without a Service; by which names are they known?"""
    web = ground.kubectl("-n", "shop", "get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")
    pods = [ground.kubectl("-n", ns, "get", "pod", name, "-o", "jsonpath={.status.podIP}")
            for ns, name in (("shop", "db-0"), ("shop", "quiet"), (PINNED, "b80"))]  # fmt: skip
    return [web, *pods]


def _node_addresses(ground: Ground) -> set[str]:
    nodes = json.loads(ground.kubectl("get", "nodes", "-o", "json"))["items"]
    return {each["address"] for node in nodes for each in node["status"]["addresses"]}


def _placed(told: Json, namespace: str) -> Json:
    """The same, without what the scheduler has chosen and without what differs from run to run."""
    kept: Json = without(told, _GENERATED if namespace == PINNED else _GENERATED | _PLACEMENT)
    return kept


def _rules_of(node: str) -> Callable[[Ground, Words], str]:
    def rules(ground: Ground, words: Words) -> str:
        """What the service proxy of the node has programmed, rule by rule."""
        return proxy_rules(ground, words, node, NAMESPACES)

    return rules


SCENARIOS = (
    Scenario("tree", tree),
    Scenario("slices", slices),
    Scenario("names", names),
    Scenario("rules-iptables", _rules_of("node1"), "iptables"),
    Scenario("rules-nftables", _rules_of("node2"), "nftables"),
)
