"""The links and addresses of a network namespace, as `ip -j -d addr` tells them."""

from __future__ import annotations

import msgspec

from kinspect.model.observation import Link

COMMAND = ("ip", "-j", "-d", "addr", "show")


class _Address(msgspec.Struct):
    family: str = ""
    local: str = ""


class _Info(msgspec.Struct):
    info_kind: str = ""


class _Link(msgspec.Struct):
    ifindex: int = 0
    ifname: str = ""
    link_index: int = 0
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
            number=each.ifindex,
            name=each.ifname,
            kind=each.linkinfo.info_kind,
            master=each.master,
            peer=each.link_index,
            up="UP" in each.flags,
            mtu=each.mtu,
            loopback=each.link_type == "loopback",
            addresses=tuple(
                address.local for address in each.addr_info if address.family == "inet" and address.local
            ),
        )
        for each in msgspec.json.decode(output, type=list[_Link])
        if each.ifindex  # older versions print an empty object for what was filtered out
    )
