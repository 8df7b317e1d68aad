"""The readers: recorded dumps without a word unread, single rules as tables, and what must be noted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from ipaddress import ip_network

import pytest

from kinspect.ruleset import iptables_save, nft_json
from kinspect.ruleset.iptables_terms import parse
from kinspect.ruleset.model import ChainId, Ruleset
from kinspect.ruleset.reading import read_node
from kinspect.ruleset.terms import (
    AddressIs,
    AddressIsLocal,
    Chance,
    DeviceIs,
    Jump,
    MarkIs,
    Masquerade,
    Opaque,
    Part,
    PortIs,
    ProtocolIs,
    Remember,
    Remembered,
    SetMark,
    StateIs,
    Target,
    Translate,
    Unknown,
    Verdict,
)


@pytest.mark.parametrize("node", ["node1", "node2", "node3"])
def test_recorded_dumps_are_read_to_the_last_word(node: str, recorded: Mapping[str, str]) -> None:
    ruleset = iptables_save.read(recorded[f"{node}-iptables-save.txt"])
    assert ruleset.notes == ()
    written = recorded[f"{node}-iptables-save.txt"].count("-A ")
    assert sum(len(chain.rules) for chain in ruleset.chains.values()) == written
    assert not any(
        isinstance(part, Opaque | Unknown)
        for chain in ruleset.chains.values()
        for rule in chain.rules
        for part in rule.parts
    )


def test_the_mode_is_told_by_chains_that_only_a_proxy_makes(rulesets: Mapping[str, Ruleset]) -> None:
    assert {node: each.mode for node, each in rulesets.items()} == {
        "node1": "iptables",
        "node2": "iptables",
        "node3": "nftables",
    }
    kubelet = "*filter\n:KUBE-FIREWALL - [0:0]\nCOMMIT\n*mangle\n:KUBE-IPTABLES-HINT - [0:0]\nCOMMIT\n"
    assert iptables_save.read(kubelet).mode == "none"


def test_nft_stubs_are_noted_and_iptables_save_tells_the_truth(recorded: Mapping[str, str]) -> None:
    alone = nft_json.read(recorded["node1-nft.json"])
    assert any(note.where == "table ip nat" and "iptables-save" in note.text for note in alone.notes)
    both = read_node([recorded["node1-iptables-save.txt"]], recorded["node1-nft.json"])
    assert not any(note.where in ("table ip nat", "table ip filter") for note in both.notes)
    assert ChainId("ip nat", "KUBE-SERVICES") not in both.chains
    assert ChainId("nat", "KUBE-SERVICES") in both.chains


def test_two_backends_with_rules_are_noted(recorded: Mapping[str, str]) -> None:
    dump = recorded["node1-iptables-save.txt"]
    assert any("both backends" in note.text for note in read_node([dump, dump]).notes)
    assert read_node([dump, ""]).notes == ()
    assert read_node([dump], recorded["node3-nft.json"]).mode == "both"
    assert read_node().mode == "none"


RULES: list[tuple[str, tuple[Part, ...]]] = [
    (
        "-s 10.0.0.0/8 ! -d 10.1.1.1/32",
        (
            AddressIs("src", (ip_network("10.0.0.0/8"),)),
            AddressIs("dst", (ip_network("10.1.1.1/32"),), True),
        ),
    ),
    (
        "-p tcp -m tcp --dport 80 -j KUBE-SVC-X",
        (ProtocolIs(("tcp",)), PortIs("dst", ((80, 80),)), Jump("KUBE-SVC-X")),
    ),
    ("-p all -g OTHER", (Jump("OTHER", returns=False),)),
    (
        "-m multiport ! --dports 80,443,8000:8100",
        (PortIs("dst", ((80, 80), (443, 443), (8000, 8100)), True),),
    ),
    ("-m tcp --sport 1024: -j ACCEPT", (PortIs("src", ((1024, 65535),)), Verdict("accept"))),
    ("-m conntrack ! --ctstate RELATED,DNAT -j DROP", (StateIs(("related", "dnat"), True), Verdict("drop"))),
    ("-m mark ! --mark 0x4000/0x4000 -j RETURN", (MarkIs(0x4000, 0x4000, True), Verdict("return"))),
    ("-m mark --mark ! 0x1", (MarkIs(1, 0xFFFFFFFF, True),)),
    ("-i cni+ ! -o eth0", (DeviceIs("src", "cni+"), DeviceIs("dst", "eth0", True))),
    ("-m addrtype ! --src-type LOCAL", (AddressIsLocal("src", True),)),
    ("-m statistic --mode random --probability 0.25000000000 -j C", (Chance(0.25), Jump("C"))),
    (
        "-m recent --rcheck --seconds 60 --reap --name K --mask 255.255.255.255 --rsource -j K",
        (Remembered("K", 60), Jump("K")),
    ),
    (
        "-p udp -m recent --set --name K --rsource -m udp -j DNAT --to-destination 10.0.0.1:53",
        (ProtocolIs(("udp",)), Remember("K"), Translate((Target("10.0.0.1", 53),))),
    ),
    ("-j DNAT --to-destination [fd00::1]:53", (Translate((Target("fd00::1", 53),)),)),
    ("-j DNAT --to-destination 10.0.0.1", (Translate((Target("10.0.0.1", None),)),)),
    ("-j REJECT --reject-with icmp-port-unreachable", (Verdict("reject", "icmp-port-unreachable"),)),
    ("-j SNAT --to-source 10.0.0.9", (Masquerade("10.0.0.9"),)),
    ("-j MARK --set-xmark 0x4000/0x4000", (SetMark(0xFFFFBFFF, 0x4000),)),
    ("-j MARK --set-xmark 0x4000/0x0", (SetMark(0xFFFFFFFF, 0x4000),)),
    ("-j MARK --and-mark 0xff", (SetMark(0xFF, 0),)),
    ('-j LOG --log-prefix "drop: "', (Verdict("continue", "LOG"),)),
    ('-m comment --comment "-j DROP \\"all\\""', ()),
    ("-m nfacct --nfacct-name  packets -j DROP", (Verdict("drop"),)),
    ("-m set --match-set bad src", (Opaque("--match-set bad src"),)),
    ("-d nonsense -j TPROXY --on-port 1", (Opaque("-d nonsense"), Unknown("TPROXY"))),
    ("-j DNAT --to-destination 10.0.0.1:http", (Unknown("DNAT"),)),
    ("-m tcp --dport http", (Opaque("--dport http"),)),
]


@pytest.mark.parametrize(("text", "parts"), RULES, ids=[text[:40] for text, _ in RULES])
def test_an_iptables_rule(text: str, parts: tuple[Part, ...]) -> None:
    assert parse(text).parts == parts


def test_comments_keep_their_quotes_and_unclosed_ones_end() -> None:
    assert parse(r'-m comment --comment "a \"b\" -j DROP" -j C').comment == 'a "b" -j DROP'
    assert parse('-m comment --comment "never closed -j DROP').comment == "never closed -j DROP"


def test_what_is_not_understood_is_noted_once_with_a_count() -> None:
    ruleset = iptables_save.read(
        "*filter\n-A A -m set --match-set x src\n-A A -m set --match-set y src\n?? what\nCOMMIT"
    )
    assert [note.text for note in ruleset.notes] == [
        "not a line of iptables-save: ?? what",
        "match --match-set is not understood (2 rules)",
    ]


def test_an_empty_dump_says_so() -> None:
    assert [note.text for note in iptables_save.read("").notes] == ["no table in this dump"]
    assert nft_json.read("").notes[0].text.startswith("not the JSON of nft")


def nft_rule(*expressions: object) -> Ruleset:
    rule = {"family": "inet", "table": "t", "chain": "c", "handle": 1, "expr": list(expressions)}
    return nft_json.read(json.dumps({"nftables": [{"rule": rule}]}))


def payload(protocol: str, field: str) -> dict[str, object]:
    return {"payload": {"protocol": protocol, "field": field}}


NFT: list[tuple[object, tuple[Part, ...]]] = [
    (
        {"match": {"op": "==", "left": payload("tcp", "dport"), "right": {"set": [80, {"range": [90, 99]}]}}},
        (ProtocolIs(("tcp",)), PortIs("dst", ((80, 80), (90, 99)))),
    ),
    (
        {"match": {"op": "!=", "left": payload("ip", "saddr"), "right": {"range": ["10.0.0.0", "10.0.0.3"]}}},
        (AddressIs("src", (ip_network("10.0.0.0/30"),), True),),
    ),
    (
        {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}},
        (StateIs(("established", "related")),),
    ),
    (
        {"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "cni*"}},
        (DeviceIs("src", "cni+"),),
    ),
    ({"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": 7}}, (MarkIs(7, 0xFFFFFFFF),)),
    ({"mangle": {"key": {"meta": {"key": "mark"}}, "value": 7}}, (SetMark(0, 7),)),
    ({"snat": {"addr": "10.0.0.9"}}, (Masquerade("10.0.0.9"),)),
    ({"counter": {"packets": 1, "bytes": 2}}, ()),
    ({"return": None}, (Verdict("return"),)),
]


@pytest.mark.parametrize(("expression", "parts"), NFT, ids=[str(each)[:50] for each, _ in NFT])
def test_an_nft_expression(expression: object, parts: tuple[Part, ...]) -> None:
    ruleset = nft_rule(expression)
    assert ruleset.chains[ChainId("inet t", "c")].rules[0].parts == parts
    assert ruleset.notes == ()


def test_unknown_nft_expressions_are_kept_and_noted() -> None:
    ruleset = nft_rule(
        {"match": {"op": "<", "left": payload("ip", "ttl"), "right": 5}}, {"tproxy": {"port": 1}}
    )
    first, second = ruleset.chains[ChainId("inet t", "c")].rules[0].parts
    assert isinstance(first, Opaque)
    assert isinstance(second, Unknown)
    assert len(ruleset.notes) == 2
