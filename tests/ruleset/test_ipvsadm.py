"""The IPVS table, as the manual and kube-proxy's examples print it."""

from __future__ import annotations

import pytest

from kinspect.ruleset.faults import Expectation, faults
from kinspect.ruleset.ipvsadm import read
from kinspect.ruleset.matching import Headers, Node
from kinspect.ruleset.model import RealServer, VirtualServer
from kinspect.ruleset.reading import read_node

TABLE = """IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.96.0.1:443 rr persistent 10800
  -> 192.0.2.5:6443               Masq    1      0          0
FWM  7 rr
  -> 192.0.2.9:80                 Route   1      0          0
TCP  10.96.0.20:80 rr
  -> 10.244.0.2:8080              Masq    1      3          0
  -> 10.244.0.5:8080              Masq    0      0          0
UDP  [fd00::a]:53 wrr
  -> [fd00::1:2]:53               Masq    2      0          0
TCP  10.96.0.21:80 rr
"""
CHAINS = "*nat\n:KUBE-SERVICES - [0:0]\n:KUBE-LOAD-BALANCER - [0:0]\n:KUBE-NODE-PORT - [0:0]\nCOMMIT\n"


def test_every_virtual_server_with_its_real_ones() -> None:
    assert read(TABLE) == (
        VirtualServer("tcp", "10.96.0.1", 443, "rr", (RealServer("192.0.2.5", 6443, 1),), 10_800),
        VirtualServer(
            "tcp",
            "10.96.0.20",
            80,
            "rr",
            (RealServer("10.244.0.2", 8080, 1), RealServer("10.244.0.5", 8080, 0)),
        ),
        VirtualServer("udp", "fd00::a", 53, "wrr", (RealServer("fd00::1:2", 53, 2),)),
        VirtualServer("tcp", "10.96.0.21", 80, "rr"),
    )


@pytest.mark.parametrize("text", ["", "->", "TCP", "TCP x rr", "-> 1:1 Masq one", "TCP 1:99999999999999 rr"])
def test_other_lines_are_skipped(text: str) -> None:
    assert read(text) == ()


@pytest.mark.parametrize(
    ("dst", "backends", "kind"),
    [
        ("10.96.0.20", {("10.244.0.2", 8080)}, None),
        ("10.96.0.20", {("10.244.0.2", 8080), ("10.244.0.5", 8080)}, "missing backend"),  # weight 0: draining
        ("10.96.0.20", {("10.244.0.9", 8080)}, "stale backend"),
        ("10.96.0.21", {("10.244.0.2", 8080)}, "emptied chain"),
        ("10.96.0.22", {("10.244.0.2", 8080)}, "missing entrance"),
        ("10.96.0.21", set(), None),
    ],
)
def test_faults_of_the_table(dst: str, backends: set[tuple[str, int]], kind: str | None) -> None:
    ruleset = read_node([CHAINS], ipvs=TABLE)
    assert ruleset.mode == "ipvs"
    expectation = Expectation(
        Headers("tcp", "10.0.0.1", 1, dst, 80), frozenset(backends), "" if backends else "reject"
    )
    assert next((each.kind for each in faults(ruleset, expectation, Node())), None) == kind


def test_without_the_table_nothing_is_said_but_that() -> None:
    ruleset = read_node([CHAINS])
    expectation = Expectation(
        Headers("tcp", "10.0.0.1", 1, "10.96.0.20", 80), frozenset({("10.244.0.2", 8080)})
    )
    assert faults(ruleset, expectation, Node()) == ()
    assert [note.where for note in ruleset.notes] == ["ipvs"]
