"""The links and addresses of a network namespace, as `ip -j -d addr` tells them."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

COMMAND = ("ip", "-j", "-d", "addr", "show")


class Link(NamedTuple):
    """A link. `kind` is veth, bridge, vxlan …, "" for a plain one; `master` its bridge."""

    number: int
    name: str
    kind: str
    master: str
    up: bool
    mtu: int
    loopback: bool
    addresses: tuple[str, ...]


class _Address(msgspec.Struct):
    family: str = ""
    local: str = ""


class _Info(msgspec.Struct):
    info_kind: str = ""


class _Link(msgspec.Struct):
    ifindex: int = 0
    ifname: str = ""
    flags: list[str] = []
    mtu: int = 0
    master: str = ""
    link_type: str = ""
    linkinfo: _Info = msgspec.field(default_factory=_Info)
    addr_info: list[_Address] = []


def parse(output: bytes) -> tuple[Link, ...]:
    """The links that the command printed, in its order. Only IPv4 addresses are kept."""
    return tuple(
        Link(
            each.ifindex,
            each.ifname,
            each.linkinfo.info_kind,
            each.master,
            "UP" in each.flags,
            each.mtu,
            each.link_type == "loopback",
            tuple(address.local for address in each.addr_info if address.family == "inet" and address.local),
        )
        for each in msgspec.json.decode(output, type=list[_Link])
        if each.ifindex  # older versions print an empty object for what was filtered out
    )
