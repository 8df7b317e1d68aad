"""Hashed names against vectors computed from a running kube-proxy."""

from __future__ import annotations

import pytest

from kinspect.lab.proxy.names import iptables_hash, nftables_base, service_port_name


@pytest.mark.parametrize(
    ("service_port", "protocol", "endpoint", "expected"),
    [
        ("ns1/svc1:p80", "tcp", "", "XPGD46QRK7WJZT7O"),
        ("ns1/svc1:p80", "tcp", "10.180.0.1:80", "SXIVWICOYRO3J4NJ"),
        ("default/kubernetes:https", "tcp", "", "NPX46M4PTMTKRN6Y"),
        ("kube-system/kube-dns:dns", "udp", "", "TCOU7JCQXEZGVUNU"),
    ],
)
def test_iptables_hash(service_port: str, protocol: str, endpoint: str, expected: str) -> None:
    assert iptables_hash(service_port, protocol, endpoint) == expected


def test_nftables_base_of_named_unnamed_and_endpoint() -> None:
    assert nftables_base("ns1", "svc1", "tcp", "p80") == "ULMVA6XW-ns1/svc1/tcp/p80"
    assert nftables_base("ns1", "svc1", "tcp", "") == "6KJ5P52A-ns1/svc1/tcp/"
    endpoint = nftables_base("ns1", "svc1", "tcp", "p80", "10.180.0.1:80")
    assert endpoint == "5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80"


def test_nftables_base_is_cut_to_what_the_kernel_takes() -> None:
    name = nftables_base("n" * 63, "s" * 63, "tcp", "p" * 200)
    assert len(name) == 240
    assert name.endswith("...")


def test_service_port_name_without_a_port_name() -> None:
    assert service_port_name("a", "b", "") == "a/b"
