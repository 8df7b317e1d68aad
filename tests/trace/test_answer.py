"""The answer as a person and as a machine get it: a golden text for each recorded story, JSON for two."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from kinspect.model.path import SCHEMA, Address, Trace, encode
from kinspect.model.snapshot import Snapshot
from kinspect.outline.path import lines
from kinspect.sources import open_file
from kinspect.trace import answer
from kinspect.trace.bpf import TCP
from kinspect.trace.expected import expect
from kinspect.trace.methods import Attempt, choose
from kinspect.trace.packet import ACK, SYN, Packet
from kinspect.trace.run import Expectations, run_of
from kinspect.trace.sighting import Place, SequenceMark, Sighting
from kinspect.trace.target import at_address, resolve
from tests.golden import check_golden
from tests.trace.recordings import OWNED
from tests.trace.test_recorded_stories import CLIENT, NODE_PORT, SOURCE, STORIES, target_of, told

GOLDEN = Path(__file__).with_name("golden")


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return open_file([str(Path(__file__).with_name("recorded.yaml"))], None)


def trace_of(name: str, snapshot: Snapshot) -> Trace:
    story = STORIES[name]
    run, target = told(name, snapshot), target_of(name, snapshot)
    return answer.answer(target, str(story.vantage.place), choose(None, target)[0], [run], {}, 0)


@pytest.mark.parametrize("name", STORIES)
def test_the_text_of_a_story(name: str, snapshot: Snapshot) -> None:
    text = "\n".join(line.text for line in lines(trace_of(name, snapshot)))
    check_golden(GOLDEN / f"{name}.txt", text + "\n")


@pytest.mark.parametrize("name", STORIES)
def test_the_hops_of_a_story_follow_in_time(name: str, snapshot: Snapshot) -> None:
    for path in trace_of(name, snapshot).paths:
        times = [hop.time_ns for hop in path.hops if hop.time_ns is not None]
        assert times == sorted(times)


def test_the_connection_of_a_proxy_has_a_title_of_its_own(snapshot: Snapshot) -> None:
    told = [line.text for line in lines(trace_of("ingress-http", snapshot)) if line.role == "note"]
    titles = [text for text in told if text.startswith(("request", "answer"))]
    assert titles == ["request", "answer", "request of the proxy, pod shop/ingress", "answer to it"]


@pytest.mark.parametrize("name", ["nodeport-cross-node", "broken-fdb-entry-removed"])
def test_the_json_of_a_story(name: str, snapshot: Snapshot) -> None:
    check_golden(GOLDEN / f"{name}.json", encode(trace_of(name, snapshot)) + b"\n")


@pytest.mark.parametrize("name", STORIES)
def test_the_json_keeps_its_schema_and_leaves_no_key_out(name: str, snapshot: Snapshot) -> None:
    document = json.loads(encode(trace_of(name, snapshot)))
    jsonschema.validate(document, msgspec.json.schema(Trace))
    assert next(iter(document)) == "schema"
    assert document["schema"] == SCHEMA
    keys = {"direction", "place", "interface", "actions", "src", "dst", "encapsulation", "ttl", "timeNs"}
    keys |= {"matchedBy", "predicted", "agrees", "because"}
    for path in document["paths"]:
        assert all(keys <= hop.keys() for hop in path["hops"])


def test_a_prediction_alone_has_every_alternative_with_its_share(snapshot: Snapshot) -> None:
    target = resolve(NODE_PORT, snapshot, "shop")
    told = answer.predicted(target, "client", expect(snapshot, target, CLIENT, OWNED))
    assert (told.method, told.verdict) == ("prediction", "delivered")
    assert [path.share for path in told.paths] == [1.0]
    assert all(hop.matched_by is None and hop.time_ns is None for path in told.paths for hop in path.hops)


def test_runs_of_the_same_way_are_one_path_with_its_share(snapshot: Snapshot) -> None:
    target = resolve(NODE_PORT, snapshot, "shop")
    names = ("nodeport-cross-node", "nodeport-cross-node", "broken-fdb-entry-removed")
    runs = [told(name, snapshot) for name in names]
    together = answer.answer(target, "client", "marked connect", runs, {}, 0)
    assert [round(path.share, 2) for path in together.paths] == [0.67, 0.33]
    assert together.verdict == "dropped"
    assert together.divergence is not None
    assert together.divergence.path == 1
    told_of = [line.text for line in lines(together) if line.role == "head"]
    assert told_of[0].endswith(": 33% of the attempts did not arrive (marked connect)")
    assert told_of[1:] == ["\npath 1: 67%", "\npath 2: 33%, dropped"]


def test_what_never_arrived_is_not_counted(snapshot: Snapshot) -> None:
    target = resolve(NODE_PORT, snapshot, "shop")
    runs = [told("broken-fdb-entry-removed", snapshot)] * 2
    (head, *_) = lines(answer.answer(target, "client", "marked connect", runs, {}, 0))
    assert head.text.startswith("dropped: client to ") and "attempts" not in head.text


def test_several_backends_are_counted_in_the_headline(snapshot: Snapshot) -> None:
    """And one that is told of every path is named."""
    target = resolve(NODE_PORT, snapshot, "shop")
    one, other = told("nodeport-cross-node", snapshot), told("externalip", snapshot)
    for runs, words in (([one, one], "to pod shop/web0 at"), ([one, one, other], "to 2 backends")):
        answered = answer.answer(target, "client", "marked connect", runs, {}, 0)
        assert words in lines(answered)[0].text


def test_what_only_the_kernels_table_tells_is_not_drawn_as_predicted(snapshot: Snapshot) -> None:
    run = told("nodeport-cross-node", snapshot)
    hops = tuple(
        msgspec.structs.replace(hop, interface=None, matched_by="kernel")
        for hop in run.hops
        if hop.place.kind == "node"
    )
    target = target_of("nodeport-cross-node", snapshot)
    drawn = answer.answer(target, "client", "kernel table", [run._replace(hops=hops)], {}, 0)
    boxes = [line.text for line in lines(drawn) if line.role == "box"]
    assert any("in its kernel's table" in text for text in boxes)
    assert not any("predicted" in text for text in boxes)


def test_an_ebpf_balancer_is_recognised_by_the_address_that_no_packet_has(snapshot: Snapshot) -> None:
    """The pod calls the cluster IP, and its first packet already has the backend's address."""
    packet = Packet("10.244.0.5", "10.244.1.3", TCP, 40_000, 8080, 64, SYN, 7, 0, b"", None, None, None)
    back = packet._replace(
        src=packet.dst, dst=packet.src, sport=8080, dport=40_000, flags=SYN | ACK, seq=1, ack=8
    )
    source, node1, node2, web = (
        Place("pod", "shop/src"),
        Place("node", "node1"),
        Place("node", "node2"),
        Place("pod", "shop/web0"),
    )
    way = [(source, True), (node1, False), (node1, True), (node2, False), (node2, True), (web, False)]
    found = [Sighting(place, "eth0", out, n, n, packet) for n, (place, out) in enumerate(way)]
    found += [
        Sighting(place, "eth0", not out, 10 + n, 10 + n, back) for n, (place, out) in enumerate(reversed(way))
    ]
    target = at_address("svc/one", snapshot, "10.96.225.63", 80)
    asked = Address("10.96.225.63", 80)
    expectations = Expectations(asked, expect(snapshot, target, SOURCE, OWNED), None)
    attempt = Attempt(SequenceMark(7), "answered")
    run = run_of(attempt, found, expectations, OWNED, {source, node1, node2, web}, complete=True)
    assert (run.verdict, run.parting) == ("delivered", None)
    together = answer.answer(target, "pod/shop/src", "marked connect", [run], {}, 0)
    assert together.backend is not None
    assert together.backend.pod == "shop/web0"
    assert any("in the socket" in note for note in together.notes)


@pytest.mark.parametrize("inside", [True, False], ids=["a node saw it", "nobody saw it"])
def test_a_cluster_ip_that_a_stranger_answers_is_said(inside: bool, snapshot: Snapshot) -> None:
    """From outside, something else may have that address: a proxy, another cluster."""
    packet = Packet("192.0.2.100", "10.96.225.63", TCP, 40_000, 80, 64, SYN, 7, 0, b"", None, None, None)
    back = packet._replace(
        src=packet.dst, dst=packet.src, sport=80, dport=40_000, flags=SYN | ACK, seq=1, ack=8
    )
    client, node = CLIENT.place, Place("node", "node1")
    between = [(node, False, packet), (node, True, back)] if inside else []
    way = [(client, True, packet), *between, (client, False, back)]
    found = [Sighting(place, "eth0", out, n, n, each) for n, (place, out, each) in enumerate(way)]
    target = at_address("svc/one", snapshot, "10.96.225.63", 80)
    asked = Address("10.96.225.63", 80)
    expectations = Expectations(asked, expect(snapshot, target, CLIENT, OWNED), None)
    run = run_of(
        Attempt(SequenceMark(7), "answered"), found, expectations, OWNED, {client, node}, complete=True
    )
    told = answer.answer(target, "client", "marked connect", [run], {}, 0)
    assert told.verdict == "delivered"
    assert any("something else has this address" in note for note in told.notes) is not inside
