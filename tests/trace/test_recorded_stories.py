"""What a real kube-proxy did, healthy and broken, told from its recorded packets."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from kinspect.model.path import Address
from kinspect.model.snapshot import Snapshot
from kinspect.sources import open_file
from kinspect.trace.compare import Compared, compare
from kinspect.trace.correlate import correlate
from kinspect.trace.expected import Vantage, expect
from kinspect.trace.hops import Observed, observed
from kinspect.trace.sighting import Place, SequenceMark
from kinspect.trace.target import at_address
from tests.trace.recordings import OWNED, firsts, sightings

CLIENT = Vantage(Place("declared", "client"), "192.0.2.100", "")
SOURCE = Vantage(Place("pod", "shop/src"), "10.244.0.5", "node1")
WEB = Vantage(Place("pod", "shop/web0"), "10.244.1.3", "node2")
NODE_PORT, NODE3_PORT = ("192.0.2.11", 30092), ("192.0.2.13", 30092)


class Story(NamedTuple):
    """What was called from where; the verdict, and where and how it parts ("" = it does as predicted)."""

    vantage: Vantage
    called: tuple[str, int]
    verdict: str
    place: str = ""
    seen: str = ""


STORIES = {
    "nodeport-cross-node": Story(CLIENT, NODE_PORT, "delivered"),
    "clusterip-from-pod": Story(SOURCE, ("10.96.225.63", 80), "delivered"),
    "hairpin": Story(WEB, ("10.96.225.63", 80), "delivered"),
    "lb-etp-local": Story(CLIENT, ("192.0.2.200", 80), "delivered"),
    "nodeport-no-endpoints": Story(CLIENT, ("192.0.2.11", 30090), "refused"),
    "nodeport-local-no-local-endpoint": Story(CLIENT, ("192.0.2.11", 30093), "dropped"),
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
        CLIENT, ("192.0.2.200", 80), "dropped", "node2", "it came in by eth0 and did not leave"
    ),
    "broken-dnat-dead-address": Story(
        CLIENT, NODE_PORT, "dropped", "node1", "10.244.1.250:8080 out by flannel.1"
    ),
}


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return open_file([str(Path(__file__).with_name("recorded.yaml"))], None)


def told(name: str, snapshot: Snapshot) -> tuple[Observed, Compared]:
    story, found = STORIES[name], sightings(name)
    flow = correlate(SequenceMark(firsts(found)[0]), found)
    seen = observed(flow, OWNED, asked=Address(*story.called))
    target = at_address(name, snapshot, *story.called)
    watched = {each.place for each in found} | {story.vantage.place} | _captured(name)
    compared = compare(expect(snapshot, target, story.vantage, OWNED), seen.hops, watched)
    assert compared is not None
    return seen, compared


def _captured(name: str) -> set[Place]:
    """The nodes of which every link on the way was captured, also where nothing was seen."""
    quiet = {"broken-fdb-entry-removed": {"node2"}, "broken-ip-forward-0": {"node2"}}
    return {Place("node", node) for node in quiet.get(name, set())}


@pytest.mark.parametrize("name", STORIES)
def test_the_verdict_and_the_first_divergence(name: str, snapshot: Snapshot) -> None:
    story = STORIES[name]
    seen, compared = told(name, snapshot)
    assert seen.verdict == story.verdict
    if not story.place:
        assert compared.parting is None
    else:
        assert compared.parting is not None
        assert compared.parting.place.name == story.place
        assert story.seen in compared.parting.seen


def test_every_hop_says_what_was_done(snapshot: Snapshot) -> None:
    seen, _ = told("nodeport-cross-node", snapshot)
    assert [hop.actions for hop in seen.hops] == [
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
    _, compared = told("broken-fdb-entry-removed", snapshot)
    unseen = [hop for hop in compared.hops if hop.matched_by is None]
    assert [hop.place.name for hop in unseen] == ["node2", "node2"]
    assert all(hop.src is None and hop.time_ns is None and hop.predicted is not None for hop in unseen)


def test_a_pod_that_does_not_reach_itself_is_not_explained_away(snapshot: Snapshot) -> None:
    """Of a pod that chose itself only the way to its node was seen: no alternative may call that complete."""
    seen, _ = told("hairpin", snapshot)
    target = at_address("one", snapshot, "10.96.225.63", 80)
    watched = {WEB.place, Place("node", "node2")}
    compared = compare(expect(snapshot, target, WEB, OWNED), seen.hops[:1], watched)
    assert compared is not None
    assert compared.parting is not None
    compared = compare(expect(snapshot, target, WEB, OWNED), seen.hops[:2], watched)
    assert compared is not None
    assert compared.parting is not None
