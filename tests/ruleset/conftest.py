"""Recorded dumps of real nodes (kube-proxy 1.36.3; node1, node2 in iptables mode, node3 in nftables mode)."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from kinspect.ruleset.matching import Node
from kinspect.ruleset.model import Ruleset
from kinspect.ruleset.reading import read_node


@pytest.fixture(scope="session")
def recorded() -> Mapping[str, str]:
    """File name → text; what is broken comes as `FAULT-…-before` and `-after`."""
    found = {}
    with tarfile.open(Path(__file__).parent / "recorded.tar.xz") as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member)
            assert file is not None
            found[member.name] = file.read().decode()
    return found


@pytest.fixture(scope="session")
def rulesets(recorded: Mapping[str, str]) -> Mapping[str, Ruleset]:
    """Each node's tables, from both dumps where both were taken."""
    return {
        "node1": read_node([recorded["node1-iptables-save.txt"]], recorded["node1-nft.json"]),
        "node2": read_node([recorded["node2-iptables-save.txt"]]),
        "node3": read_node([recorded["node3-iptables-save.txt"]], recorded["node3-nft.json"]),
    }


@pytest.fixture(scope="session")
def nodes() -> Mapping[str, Node]:
    """The addresses of the nodes: their own, their bridge's and their tunnel's."""
    return {
        f"node{n}": Node(frozenset((f"192.0.2.{10 + n}", f"10.244.{n - 1}.0", f"10.244.{n - 1}.1")))
        for n in (1, 2, 3)
    }
