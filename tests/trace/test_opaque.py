"""Tunnels that are not looked into are said to be opaque, and the others are not."""

from __future__ import annotations

import pytest

from kinspect.model.observation import Link
from kinspect.model.path import At, Hop
from kinspect.trace.opaque import opaque
from kinspect.trace.sighting import Place

HOP = Hop("original", At("node", "node1"), interface="tunnel")


@pytest.mark.parametrize(
    ("kind", "said"), [("wireguard", True), ("ipip", True), ("vxlan", False), ("", False)]
)
def test_what_is_said_of_a_tunnel(kind: str, said: bool) -> None:
    words = opaque([HOP, HOP], {Place("node", "node1"): [Link(1, "tunnel", kind)]})
    assert words.count("tunnel of node1") == int(said)
