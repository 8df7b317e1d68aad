"""What a real kube-proxy did, healthy and broken, told from its recorded packets."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from kinspect.model.meta import Key
from kinspect.model.path import Address
from kinspect.model.snapshot import Snapshot
from kinspect.resolve.backends import backends
from kinspect.sources import open_file
from kinspect.trace.compare import compare
from kinspect.trace.expected import Alternative, Vantage, expect
from kinspect.trace.methods import Attempt
from kinspect.trace.onward import pod_place
from kinspect.trace.run import Expectations, Run, run_of
from kinspect.trace.sighting import Place, SequenceMark, TokenMark
from kinspect.trace.target import Target, at_address, resolve
from tests.trace.recordings import OWNED, RECORDED, firsts, sightings

CLIENT = Vantage(Place("declared", "client"), "192.0.2.100", "")
SOURCE = Vantage(Place("pod", "shop/src"), "10.244.0.5", "node1")
WEB = Vantage(Place("pod", "shop/web0"), "10.244.1.3", "node2")
ECHO3 = Vantage(Place("pod", "shop/echo3"), "10.244.2.8", "node3")
NODE_PORT, NODE3_PORT = "192.0.2.11:30092", "192.0.2.13:30092"


class Story(NamedTuple):
    """What was called from where; the verdict, and where and how it parts ("" = it does as predicted).

    `reached`: the backend's address. `token`: what a datagram, or a proxy's own connection, is known by.
    `flow`: which of the recording's connections it is; None = a datagram.
    """

    vantage: Vantage
    called: str
    verdict: str
    place: str = ""
    seen: str = ""
    reached: str = ""
    token: bytes = b""
    flow: int | None = 0


STORIES = {
    "nodeport-cross-node": Story(CLIENT, NODE_PORT, "delivered", reached="10.244.1.3"),
    "clusterip-from-pod": Story(SOURCE, "10.96.225.63:80", "delivered", reached="10.244.1.3"),
    "hairpin": Story(WEB, "10.96.225.63:80", "delivered", reached="10.244.1.3"),
    "lb-etp-local": Story(CLIENT, "192.0.2.200:80", "delivered", reached="10.244.1.2"),
    "externalip": Story(CLIENT, "192.0.2.12:8088", "delivered", reached="10.244.0.2"),
    "udp-nodeport": Story(
        CLIENT, "192.0.2.11:30053", "delivered", reached="10.244.0.5", token=b"hi\n", flow=None
    ),
    "dns-from-pod": Story(WEB, "10.96.0.10:53", "delivered", reached="10.244.2.6"),
    "ingress-http": Story(
        CLIENT, "http://shop.example.test:30081/exact", "delivered", reached="10.244.0.2", token=b"GET /exact"
    ),
    "ingress-https": Story(
        CLIENT,
        "https://shop.example.test:30443/",
        "delivered",
        reached="10.244.1.2",
        token=b"-ID: 91ef",
    ),
    "nodeport-no-endpoints": Story(CLIENT, "192.0.2.11:30090", "refused"),
    "clusterip-no-endpoints-nft": Story(ECHO3, "10.96.55.57:80", "refused"),
    "nodeport-local-no-local-endpoint": Story(CLIENT, "192.0.2.11:30093", "dropped"),
    "clusterip-wrong-port-iptables": Story(SOURCE, "10.96.225.63:81", "dropped"),
    "clusterip-wrong-port-nft": Story(ECHO3, "10.96.225.63:81", "refused"),
    "cluster-unused-ip": Story(
        SOURCE, "10.96.250.250:80", "dropped", "node1", "node/node1 said host unreachable"
    ),
    "cluster-unused-ip-nft": Story(
        ECHO3, "10.96.250.250:80", "dropped", "node3", "it came in by cni0 and did not leave"
    ),
    "broken-mtu-1200": Story(CLIENT, NODE_PORT, "delivered"),
    "broken-svc-chain-flushed": Story(CLIENT, NODE_PORT, "refused", "node1", "node/node1 refused it (RST)"),
    "broken-nft-service-chain-flushed": Story(
        CLIENT, NODE3_PORT, "refused", "node3", "node/node3 refused it (RST)"
    ),
    "broken-prerouting-jump-removed": Story(CLIENT, NODE_PORT, "refused", "node1", "refused it (RST)"),
    "broken-ip-forward-0": Story(
        CLIENT, NODE_PORT, "dropped", "node1", "it came in by eth0 and did not leave"
    ),
    "broken-fdb-entry-removed": Story(
        CLIENT, NODE_PORT, "dropped", "node1", "it left node/node1 and was not seen again"
    ),
    "broken-forward-policy-drop": Story(
        CLIENT, "192.0.2.200:80", "dropped", "node2", "it came in by eth0 and did not leave"
    ),
    "broken-dnat-dead-address": Story(
        CLIENT, NODE_PORT, "dropped", "node1", "10.244.1.250:8080 out by flannel.1"
    ),
}


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return open_file([str(Path(__file__).with_name("recorded.yaml"))], None)


def target_of(name: str, snapshot: Snapshot) -> Target:
    """What was called."""
    story = STORIES[name]
    return resolve(story.called, snapshot, "shop", "TCP" if story.flow is not None else "UDP")


def told(name: str, snapshot: Snapshot) -> Run:
    """The story as a trace would tell it."""
    story, found, target = STORIES[name], sightings(name), target_of(name, snapshot)
    first = expect(snapshot, target, story.vantage, OWNED)
    proxies = [each.backend.pod for each in first if target.upstream and each.backend and each.backend.pod]
    beyond = {pod_place(proxy): _beyond(snapshot, target, proxy) for proxy in proxies}
    expectations = Expectations(Address(target.address, target.number), first, beyond or None)
    watched = {each.place for each in found} | _captured(name)
    mark = TokenMark(story.token) if story.flow is None else SequenceMark(firsts(found)[story.flow])
    attempt = Attempt(mark, "answered", story.token if story.flow is not None else b"")
    return run_of(attempt, found, expectations, OWNED, watched, True)


def _captured(name: str) -> set[Place]:
    """The nodes of which every link on the way was captured, also where nothing was seen."""
    quiet = {"broken-fdb-entry-removed": {"node2"}, "broken-ip-forward-0": {"node2"}}
    return {Place("node", node) for node in quiet.get(name, set())}


def _beyond(snapshot: Snapshot, target: Target, proxy: Key) -> list[Alternative]:
    """What the connection of an Ingress's own proxy may do: it calls a backend by its address."""
    assert target.upstream is not None
    service, port = target.upstream
    pod = snapshot.pods[proxy]
    vantage = Vantage(pod_place(proxy), pod.ips[0], pod.spec.node_name)
    found: list[Alternative] = []
    for each in backends(snapshot, snapshot.services[service], port):
        called = at_address(target.text, snapshot, each.address, each.port or 0)
        found += [way._replace(backend=each) for way in expect(snapshot, called, vantage, OWNED)]
    return found


def test_every_recording_is_a_story_here() -> None:
    assert set(STORIES) == {path.name for path in RECORDED.iterdir() if path.is_dir()}


@pytest.mark.parametrize("name", STORIES)
def test_the_verdict_and_the_first_divergence(name: str, snapshot: Snapshot) -> None:
    story = STORIES[name]
    run = told(name, snapshot)
    assert run.verdict == story.verdict
    assert story.reached in ("", _reached(run))
    if not story.place:
        assert run.parting is None
    else:
        assert run.parting is not None
        assert run.parting.place.name == story.place
        assert story.seen in run.parting.seen


def _reached(run: Run) -> str:
    """Where the last sighting of the request says that it goes."""
    last = [hop for hop in run.hops if hop.direction == "original" and hop.matched_by][-1]
    assert last.dst is not None
    return last.dst.address


def test_every_hop_says_what_was_done(snapshot: Snapshot) -> None:
    assert [hop.actions for hop in told("nodeport-cross-node", snapshot).hops] == [
        ("sent",),
        ("received",),
        ("dnat", "masquerade", "routed"),
        ("encapsulated",),
        ("decapsulated",),
        ("received",),
        ("routed",),
        ("delivered",),
        ("sent",),
        ("received",),
        ("routed",),
        ("encapsulated",),
        ("decapsulated",),
        ("received",),
        ("dnat", "masquerade", "routed"),
        ("received",),
    ]


def test_what_was_not_seen_is_only_predicted(snapshot: Snapshot) -> None:
    run = told("broken-fdb-entry-removed", snapshot)
    unseen = [hop for hop in run.hops if hop.matched_by is None]
    assert [hop.place.name for hop in unseen] == ["node2", "node2"]
    assert all(hop.src is None and hop.time_ns is None and hop.predicted is not None for hop in unseen)


def test_a_pod_that_does_not_reach_itself_is_not_explained_away(snapshot: Snapshot) -> None:
    """Of a pod that chose itself only the way to its node was seen: no alternative may call that complete."""
    hops = told("hairpin", snapshot).hops
    target = resolve("10.96.225.63:80", snapshot, "shop")
    watched = {WEB.place, Place("node", "node2")}
    for seen in (1, 2):
        compared = compare(expect(snapshot, target, WEB, OWNED), hops[:seen], watched)
        assert compared is not None
        assert compared.parting is not None
