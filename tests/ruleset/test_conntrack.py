"""Connections read from recorded dumps, in the three ways in which they are had."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from kinspect.ruleset.conntrack import Connection, Tuple, read


@pytest.mark.parametrize("node", ["node1", "node2", "node3"])
def test_recorded_tables_are_read_to_the_last_line(node: str, recorded: Mapping[str, str]) -> None:
    for file in ("conntrack.txt", "proc-nf_conntrack.txt"):
        text = recorded[f"{node}-{file}"]
        table = read(text)
        assert len(table.connections) == len(text.splitlines())
        assert table.skipped == 0


def test_a_node_port_request_shows_both_translations(recorded: Mapping[str, str]) -> None:
    table = read(recorded["node1-conntrack.txt"])
    (found,) = table.find("udp", "192.0.2.100", 51446, "192.0.2.11", 30053)
    assert found.reply == Tuple("10.244.1.2", "10.244.0.0", 8080, 39843)
    assert found.destination_translated
    assert found.source_translated


COUNTED = (
    "tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 packets=5 bytes=400"
    " src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 packets=4 bytes=300 [ASSURED] [OFFLOAD] mark=16384 zone=3"
)
ICMP = (
    "icmp     1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=7 [UNREPLIED]"
    " src=10.0.0.2 dst=10.0.0.1 type=0 code=0 id=7 mark=0"
)
IPV6 = "ipv6 10 udp 17 29 src=fd00::1 dst=fd00::2 sport=5 dport=53 src=fd00::2 dst=fd00::1 sport=53 dport=5"
THERE, BACK = Tuple("10.0.0.1", "10.0.0.2"), Tuple("10.0.0.2", "10.0.0.1")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            COUNTED,
            Connection(
                "tcp",
                Tuple("10.0.0.1", "10.0.0.2", 1, 2),
                Tuple("10.0.0.2", "10.0.0.1", 2, 1),
                "ESTABLISHED",
                assured=True,
                mark=16384,
                zone=3,
                seconds=431999,
            ),
        ),
        (ICMP, Connection("icmp", THERE, BACK, unreplied=True, seconds=29)),
        (
            IPV6,
            Connection(
                "udp", Tuple("fd00::1", "fd00::2", 5, 53), Tuple("fd00::2", "fd00::1", 53, 5), seconds=29
            ),
        ),
    ],
    ids=["counters and zone", "icmp", "ipv6"],
)
def test_one_line(line: str, expected: Connection) -> None:
    assert read(line).connections == (expected,)


def test_other_lines_are_counted() -> None:
    text = "conntrack v1.4.7: 0 flow entries have been shown.\n\nsrc=1 dst=2\ntcp 6 src=1 src=2\n"
    assert (read(text).connections, read(text).skipped) == ((), 3)
