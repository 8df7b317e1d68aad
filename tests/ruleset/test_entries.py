"""Service ports read back from the recorded rules: both modes must tell the same of the same cluster."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from kinspect.ruleset.entries import Entrance, Entry, entries
from kinspect.ruleset.model import Ruleset
from kinspect.ruleset.names import ServicePort, iptables_hash, iptables_name, nftables_name


@pytest.fixture(scope="module")
def by_name(rulesets: Mapping[str, Ruleset]) -> Mapping[str, Mapping[str, Entry]]:
    """Node → "ns/name:port/protocol" → entry."""
    return {
        node: {f"{each.of}/{each.protocol}": each for each in entries(ruleset)}
        for node, ruleset in rulesets.items()
    }


def test_all_service_ports_of_the_cluster_are_found_and_named(
    by_name: Mapping[str, Mapping[str, Entry]],
) -> None:
    assert by_name["node1"].keys() == by_name["node2"].keys() == by_name["node3"].keys()
    assert len(by_name["node1"]) == 27
    assert not any(name.startswith("None") for name in by_name["node1"])


def test_both_modes_agree_on_what_does_not_depend_on_the_node(
    by_name: Mapping[str, Mapping[str, Entry]],
) -> None:
    for name, one in by_name["node1"].items():
        other = by_name["node3"][name]
        assert {(e.kind, e.address, e.port, e.refusal) for e in one.entrances if not e.refusal} == {
            (e.kind, e.address, e.port, e.refusal) for e in other.entrances if not e.refusal
        }
        assert (one.masquerades, one.affinity_timeout_s) == (other.masquerades, other.affinity_timeout_s)
        assert one.source_ranges[:1] == other.source_ranges[:1]


@pytest.mark.parametrize("node", ["node1", "node2", "node3"])
def test_shares_are_even(node: str, by_name: Mapping[str, Mapping[str, Entry]]) -> None:
    for each in by_name[node].values():
        for choices in (each.cluster, each.local):
            assert all(choice.share == pytest.approx(1 / len(choices)) for choice in choices)


def test_one_service_in_full(by_name: Mapping[str, Mapping[str, Entry]]) -> None:
    found = by_name["node2"]["shop/echo-lb:http/tcp"]
    assert set(found.entrances) == {
        Entrance("cluster IP", "10.96.38.170", 80, "KUBE-SVC-RLM5V5HWK6JUH7TB"),
        Entrance("external address", "192.0.2.200", 80, "KUBE-FW-RLM5V5HWK6JUH7TB"),
        Entrance("node port", "", 32264, "KUBE-EXT-RLM5V5HWK6JUH7TB"),
    }
    assert set(found.chains) == {"service", "local", "external", "firewall"}
    assert [(choice.address, choice.chain[:9]) for choice in found.local] == [("10.244.1.2", "KUBE-SEP-")]
    assert len(found.cluster) == 4
    assert (found.masquerades, found.affinity_timeout_s) == (False, 10_800)
    assert found.source_ranges == ("192.0.2.0/24", "192.0.2.200/32")
    assert set(by_name["node3"]["shop/echo-lb:http/tcp"].chains) == set(found.chains)


def test_refusals_are_entries_too(by_name: Mapping[str, Mapping[str, Entry]]) -> None:
    for node in ("node1", "node3"):
        assert {(e.kind, e.refusal) for e in by_name[node]["shop/zero:http/tcp"].entrances} == {
            ("cluster IP", "reject"),
            ("node port", "reject"),
        }
        assert ("cluster IP", "drop") in {
            (e.kind, e.refusal) for e in by_name[node]["shop/one-local:http/tcp"].entrances
        }


def test_names_are_confirmed_by_their_hash() -> None:
    of = ServicePort("ns1", "svc1", "p80", "tcp")
    assert iptables_hash(of) == "XPGD46QRK7WJZT7O"
    assert iptables_name("KUBE-SVL-XPGD46QRK7WJZT7O") == ("local", "XPGD46QRK7WJZT7O")
    assert iptables_name("KUBE-MARK-MASQ") is None
    assert nftables_name("service-ULMVA6XW-ns1/svc1/tcp/p80") == ("service", of, "")
    endpoint = nftables_name("endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80")
    assert endpoint == ("endpoint", of, "10.180.0.1/80")
    assert nftables_name("service-ULMVA6XW-ns1/other/tcp/p80") is None
    assert nftables_name("services") is None
