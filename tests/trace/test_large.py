"""What became of a large packet: every end that it can come to, told from sightings alone."""

from __future__ import annotations

import functools
import random
import struct
from typing import Any, NamedTuple

import msgspec
import pytest

from kinspect.errors import NotPermitted
from kinspect.model.path import At, Large, Trace
from kinspect.model.snapshot import snapshot_of
from kinspect.outline.path import headline
from kinspect.trace import large
from kinspect.trace.correlate import correlate
from kinspect.trace.methods import Failed, Local, OldSegments, Send, Size, Wait
from kinspect.trace.packet import ACK, SYN, Packet, read
from kinspect.trace.segment import segment as segment_of
from kinspect.trace.sighting import OldMark, Place, SequenceMark, Sighting
from kinspect.trace.target import at_address

FIRST, THEIRS, SIZE = 100_000, 700, 1450
CLIENT, NODE, POD = Place("pod", "shop/a"), Place("node", "n1"), Place("pod", "shop/b")
HERE, THERE = ("10.0.0.1", 40_000), ("10.0.0.2", 80)
LARGE = SIZE - 40
SENT = OldSegments(OldMark(FIRST, 1), OldMark(FIRST + 1 - LARGE, LARGE), SIZE)


def segment(flags: int, sequence: int, acknowledged: int, length: int = 0, back: bool = False) -> Packet:
    ends = (*THERE, *HERE) if back else (*HERE, *THERE)
    (src, sport, dst, dport) = ends
    data = b"x" * length
    return Packet(src, dst, 6, sport, dport, 64, flags, sequence, acknowledged, data, None, None, None)


OPENING, SMALL, BIG = (
    segment(SYN, FIRST, 0),
    segment(ACK, FIRST, THEIRS, 1),
    segment(ACK, FIRST + 1 - LARGE, THEIRS, LARGE),
)
ACKNOWLEDGED = segment(ACK, THEIRS + 1, FIRST + 1, back=True)
TOO_LARGE = Packet(
    "10.0.0.254", HERE[0], 1, 0, 0, 64, 0, 0, 0, b"", None, large.FRAGMENTATION_NEEDED, BIG, 1200
)


class Story(NamedTuple):
    """The packets in their order, each with where it was seen; and what is told."""

    seen: list[tuple[Place, Packet]]
    told: tuple[str, At, int | None] | None


WAY = [(CLIENT, OPENING), (NODE, OPENING), (POD, OPENING)]
TRIED = [*WAY, (CLIENT, SMALL), (NODE, SMALL), (POD, SMALL), (CLIENT, ACKNOWLEDGED)]
AT_NODE, AT_POD, AT_CLIENT = At("node", "n1"), At("pod", "shop/b"), At("pod", "shop/a")
STORIES = {
    "it is acknowledged": Story(
        [*TRIED, (CLIENT, BIG), (NODE, BIG), (POD, BIG), (CLIENT, ACKNOWLEDGED)], ("delivered", AT_POD, None)
    ),
    "it is acknowledged at once": Story(
        [*WAY, (CLIENT, BIG), (NODE, BIG), (POD, BIG), (CLIENT, ACKNOWLEDGED)], ("delivered", AT_POD, None)
    ),
    "only the small one that follows is": Story(
        [*WAY, (CLIENT, BIG), (NODE, BIG), *TRIED[3:]], ("dropped", AT_NODE, None)
    ),
    "it arrives, and the answer is lost": Story(
        [*TRIED, (CLIENT, BIG), (NODE, BIG), (POD, BIG)], ("delivered", AT_POD, None)
    ),
    "nothing is heard of it": Story([*TRIED, (CLIENT, BIG), (NODE, BIG)], ("dropped", AT_NODE, None)),
    "the router says so": Story(
        [*TRIED, (CLIENT, BIG), (NODE, BIG), (NODE, TOO_LARGE), (CLIENT, TOO_LARGE)],
        ("refused", AT_NODE, 1200),
    ),
    "what the router says is lost": Story(
        [*TRIED, (CLIENT, BIG), (NODE, BIG), (NODE, TOO_LARGE)], ("dropped", AT_NODE, 1200)
    ),
    "it does not even leave": Story(TRIED, ("dropped", AT_CLIENT, None)),
    "the small one is not acknowledged": Story([*WAY, (CLIENT, SMALL), (NODE, SMALL)], None),
    "both go another way": Story(
        [*WAY, (CLIENT, SMALL), (POD, SMALL), (CLIENT, ACKNOWLEDGED), (CLIENT, BIG), (POD, BIG)], None
    ),
    "they leave for another address": Story(
        [
            *WAY,
            *((place, SMALL._replace(dst="10.0.0.9")) for place in (CLIENT, NODE, POD)),
            (CLIENT, ACKNOWLEDGED),
        ],
        None,
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_what_became_of_it(name: str) -> None:
    story = STORIES[name]
    told = told_of(story.seen)
    assert (told and (told.verdict, told.place, told.mtu)) == story.told
    assert told is None or told.size == SIZE


def told_of(seen: list[tuple[Place, Packet]], complete: bool = True) -> Large | None:
    sightings = [
        Sighting(place, "eth0", packet.src == HERE[0], number, number, packet)
        for number, (place, packet) in enumerate(seen)
    ]
    random.Random(7).shuffle(sightings)
    return large.read(SENT, correlate(SequenceMark(FIRST), sightings), sightings, POD, complete)


WORDS = {
    "it is acknowledged": "a packet of 1450 bytes got through too, seen last at pod shop/b eth0",
    "nothing is heard of it": "did not get through: seen last at n1 eth0; no ICMP message about it was seen",
    "what the router says is lost": "which lets 1200 bytes pass, which did not come back",
    "the router says so": "the sender was told so, which mends it: n1 had an ICMP message",
    "it does not even leave": "did not get through: it never left;",
}


@pytest.mark.parametrize("name", WORDS)
def test_it_is_told_in_a_line(name: str) -> None:
    traced = Trace("svc/b", "pod/shop/a", "marked connect", "delivered", None, (), None, (), 0)
    line = headline(msgspec.structs.replace(traced, large=told_of(STORIES[name].seen)))[1]
    assert WORDS[name] in line.text
    assert line.role == ("parted" if "not get through" in line.text or "come back" in line.text else "note")


def test_silence_proves_nothing_where_a_capture_lost_packets() -> None:
    assert told_of(STORIES["nothing is heard of it"].seen, complete=False) is None
    assert told_of(STORIES["it is acknowledged"].seen, complete=False) is not None


def test_nothing_is_said_of_a_peer_that_is_farther_than_a_try() -> None:
    """By the time the large packet's answer comes, the small one has been sent."""
    answer = segment(SYN | ACK, THEIRS, FIRST + 1, back=True)
    after = STORIES["nothing is heard of it"].seen[len(WAY) :]
    for rtt_ns, told in ((1_000, True), (400_000_000, False)):
        found = [
            Sighting(
                place, "eth0", packet.src == HERE[0], number + rtt_ns * (number >= len(WAY)), number, packet
            )
            for number, (place, packet) in enumerate([*WAY, (CLIENT, answer), *after])
        ]
        opening = correlate(SequenceMark(FIRST), found)
        assert bool(large.read(SENT, opening, found, POD, True)) is told


def test_data_of_the_application_is_no_acknowledgement() -> None:
    """It bears the same number, and may have left before the large packet came."""
    greeting = segment(ACK, THEIRS + 1, FIRST + 1, length=5, back=True)
    told = told_of([*TRIED, (CLIENT, BIG), (NODE, BIG), (CLIENT, greeting)])
    assert told is not None
    assert told.verdict == "dropped"


def test_the_kernels_size_is_read() -> None:
    """`tcpi_snd_mss` without the timestamps, which `tcpi_options` tells of."""
    info = bytearray(104)
    struct.pack_into("=I", info, 16, 1398)
    assert large.largest(bytes(info)) == 1438
    info[5] = 1
    assert large.largest(bytes(info)) == SIZE
    assert large.largest(b"") == 0


def walked(results: list[Any]) -> tuple[list[Any], OldSegments | None]:
    """The instructions of `send`, given these results, and its own."""
    steps = large.send(Local(*HERE), at_address("there", snapshot_of([], {}), *THERE), FIRST)
    given: list[Any] = []
    step = functools.partial(next, steps)
    try:
        for result in [*results, None]:
            given.append(step())
            again = steps.throw if isinstance(result, Exception) else steps.send
            step = functools.partial(again, result)
    except StopIteration as done:
        sent: OldSegments | None = done.value
        return given, sent
    raise AssertionError("it wants more")


SYN_ACK = segment(SYN | ACK, THEIRS, FIRST + 1, back=True)


def test_where_the_large_one_is_not_heard_of_a_small_one_follows_and_both_acknowledge_an_old_number() -> None:
    given, sent = walked([SIZE, SYN_ACK, None, None, None, None, None, None, None, ACKNOWLEDGED])
    assert [type(each) for each in given] == [Size, Wait, *[Send, Wait] * 4]
    assert sent == SENT
    packets = [read(each.packet) for each in given if isinstance(each, Send)]
    assert [each and (each.seq, len(each.payload), each.ack) for each in packets] == [
        *[(FIRST + 1 - LARGE, LARGE, THEIRS)] * 3,
        (FIRST, 1, THEIRS),
    ]
    assert len(given[2].packet) == SIZE
    assert given[2].packet[6] & 0x40  # not to be fragmented


def test_a_large_one_that_is_acknowledged_is_enough() -> None:
    given, sent = walked([SIZE, SYN_ACK, None, ACKNOWLEDGED])
    assert [type(each) for each in given] == [Size, Wait, Send, Wait]
    assert sent == SENT


UNTRIED = {
    "the size is not known": [0],
    "the answer was not seen": [SIZE, None],
    "it was a refusal": [SIZE, segment(ACK | 0x04, 0, FIRST + 1, back=True)],
    "the kernel does not send": [SIZE, SYN_ACK, Failed("ENETUNREACH")],
    "that is not permitted": [SIZE, SYN_ACK, NotPermitted("no")],
    "neither is answered in time": [SIZE, SYN_ACK, *[None, None] * large.TRIES * 2],
}


@pytest.mark.parametrize("name", UNTRIED)
def test_what_cannot_be_sent_is_not_told_of(name: str) -> None:
    assert walked(UNTRIED[name])[1] is None


def test_what_is_too_large_for_a_link_of_the_sender_itself_counts_as_sent() -> None:
    refused = [Failed(large.TOO_LARGE), None] * large.TRIES
    assert walked([SIZE, SYN_ACK, *refused, None, ACKNOWLEDGED])[1] == SENT


def test_a_jumbo_frame_is_within_what_the_filter_keeps() -> None:
    _, sent = walked([60_000, SYN_ACK, None, ACKNOWLEDGED])
    assert sent is not None
    assert FIRST - sent.large.first <= large.BEFORE
    assert len(segment_of(*HERE, *THERE, 1, 2, 9000)) == 9040
