"""What a lab is built with on machines that lack something, and what is said about it."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from kinspect.errors import NotPermitted
from kinspect.lab import programs, requirements
from kinspect.lab.ground import Ground, Outcome
from kinspect.lab.network import Cni
from kinspect.lab.serviceproxy import Mode

ALL = "vxlan br_netfilter iptables nftables"


class Machine:
    """Answers what it is able to do."""

    def __init__(self, able: str) -> None:
        self.able = able

    async def run(self, *_: object) -> Outcome:
        return Outcome(0, self.able.replace(" ", "\n"), "")


def choose(able: str, cni: Cni | None = None, proxy: Mode | None = None) -> requirements.Means:
    return asyncio.run(requirements.choose(cast("Ground", Machine(able)), cni, proxy))


@pytest.mark.parametrize(
    ("able", "asked", "cni", "proxy", "said"),
    [
        (ALL, (None, None), "vxlan", "iptables", ""),
        (ALL, ("routed", "nftables"), "routed", "nftables", ""),
        ("vxlan br_netfilter nftables", (None, None), "vxlan", "nftables", ""),
        ("vxlan iptables", (None, None), "routed", "iptables", "without br_netfilter"),
        ("nftables", (None, None), "routed", "nftables", "without vxlan and br_netfilter"),
        ("nftables", ("routed", None), "routed", "nftables", ""),
        ("vxlan br_netfilter iptables", (None, None), "vxlan", "iptables", "without nftables: NetworkPol"),
    ],
)
def test_what_is_missing_is_replaced_and_said(
    able: str, asked: tuple[Cni | None, Mode | None], cni: Cni, proxy: Mode, said: str
) -> None:
    means = choose(able, *asked)
    assert (means.cni, means.proxy) == (cni, proxy)
    assert means.note.startswith(said) and bool(means.note) == bool(said)
    assert means.policies == ("nftables" in able)


@pytest.mark.parametrize(
    ("able", "asked", "said"),
    [
        ("iptables", ("vxlan", None), "vxlan and br_netfilter"),
        ("vxlan br_netfilter", (None, None), "iptables or nft"),
        ("nftables", (None, "iptables"), "--proxy iptables does not work"),
    ],
)
def test_what_was_asked_for_is_not_replaced(
    able: str, asked: tuple[Cni | None, Mode | None], said: str
) -> None:
    with pytest.raises(NotPermitted, match=said) as refused:
        choose(able, *asked)
    assert refused.value.hint


def test_missing_programs_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        programs, "find", lambda program: None if program in ("bridge", "sysctl") else program
    )
    with pytest.raises(NotPermitted, match="bridge, sysctl") as refused:
        requirements.require_programs()
    assert refused.value.hint == "install iproute2 and procps"
