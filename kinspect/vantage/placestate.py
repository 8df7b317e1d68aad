"""What the tools and files of a place say about its network, read into the facts of `model.observation`.

Every reader is pure: bytes in, facts out. Which commands are run, and where, is the asker's business.
Source: ip-route(8), ip-neighbour(8), bridge(8) with -j; proc_net(5) for the socket tables.
"""

from __future__ import annotations

import socket
import struct

import msgspec

from kinspect.model.observation import BridgePort, ForwardingEntry, Listener, Neighbour, Route

FORWARDING = ("bridge", "-j", "fdb", "show")
NEIGHBOURS = ("ip", "-j", "neigh", "show")
PORTS = ("bridge", "-j", "-d", "link", "show")
QUEUES = ("tc", "-j", "qdisc", "show")
FILTER_HOOKS = ("ingress", "egress")
SOCKETS = {"TCP": "/proc/thread-self/net/tcp", "UDP": "/proc/thread-self/net/udp"}
_LISTENING = {"TCP": "0A", "UDP": "07"}


class _Route(msgspec.Struct):
    dev: str = ""
    gateway: str = ""
    type: str = ""


class _Entry(msgspec.Struct):
    mac: str = ""
    ifname: str = ""
    dst: str = ""


class _Neighbour(msgspec.Struct):
    dst: str = ""
    dev: str = ""
    lladdr: str = ""


class _Queue(msgspec.Struct):
    kind: str = ""
    dev: str = ""


class _Program(msgspec.Struct):
    name: str = ""


class _FilterOptions(msgspec.Struct):
    bpf_name: str = ""
    prog: _Program = msgspec.field(default_factory=_Program)


class _Filter(msgspec.Struct):
    kind: str = ""
    options: _FilterOptions = msgspec.field(default_factory=_FilterOptions)


class _Port(msgspec.Struct):
    ifname: str = ""
    hairpin: bool = False


def route_get(to: str) -> tuple[str, ...]:
    """The command that asks where packets to this address go."""
    return ("ip", "-j", "route", "get", to)


def read_route(to: str, output: bytes) -> Route:
    found = msgspec.json.decode(output, type=list[_Route]) if output.strip() else []
    if not found:
        return Route(to, error="no route")
    return Route(to, found[0].dev, found[0].gateway, found[0].type)


_NO_ROUTE = {
    "Network is unreachable": "no route",
    "No route to host": "its route says unreachable",
    "Permission denied": "its route says prohibit",
    "Invalid argument": "its route says blackhole",
}
"""What the kernel answers `ip route get` where it would not send, and what that means; ip-route(8), types."""


def read_no_route(to: str, said: str) -> Route | None:
    """The answer that there is no way to an address; None = something else went wrong."""
    return next((Route(to, error=told) for text, told in _NO_ROUTE.items() if text in said), None)


def read_forwarding(output: bytes) -> tuple[ForwardingEntry, ...]:
    return tuple(
        ForwardingEntry(each.mac, each.ifname, each.dst)
        for each in msgspec.json.decode(output or b"[]", type=list[_Entry])
    )


def read_neighbours(output: bytes) -> tuple[Neighbour, ...]:
    return tuple(
        Neighbour(each.dst, each.dev, each.lladdr)
        for each in msgspec.json.decode(output or b"[]", type=list[_Neighbour])
    )


def read_ports(output: bytes) -> tuple[BridgePort, ...]:
    return tuple(
        BridgePort(each.ifname, each.hairpin)
        for each in msgspec.json.decode(output or b"[]", type=list[_Port])
    )


def filters(link: str, hook: str) -> tuple[str, ...]:
    """The command that lists the packet classifiers at a hook of a link."""
    return ("tc", "-j", "filter", "show", "dev", link, hook)


def read_filtered(output: bytes) -> tuple[str, ...]:
    """The links that may have packet classifiers."""
    found = msgspec.json.decode(output or b"[]", type=list[_Queue])
    return tuple(each.dev for each in found if each.kind in ("clsact", "ingress"))


def read_filters(output: bytes) -> tuple[str, ...]:
    """The names of the eBPF programs among the classifiers."""
    found = msgspec.json.decode(output or b"[]", type=list[_Filter])
    options = [each.options for each in found if each.kind == "bpf"]
    return tuple(name for each in options if (name := each.prog.name or each.bpf_name))


def read_listeners(protocol: str, table: bytes) -> tuple[Listener, ...]:
    """The listening sockets of a /proc/net table; a line that is not one is skipped."""
    found = []
    for line in table.decode("ascii", "replace").splitlines()[1:]:
        words = line.split()
        if len(words) > 3 and words[3] == _LISTENING[protocol]:
            address, _, port = words[1].partition(":")
            found.append(Listener(protocol, _address(address), int(port, 16)))
    return tuple(found)


def _address(text: str) -> str:
    """The address that the kernel prints as hexadecimal words in this machine's byte order."""
    words = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    return socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, packed)
