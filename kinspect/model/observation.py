"""What was read at a place of the network: its links, routes, tunnel entries, listeners, kernel settings."""

from __future__ import annotations

import msgspec

from kinspect.model.meta import Fact


class Link(Fact, frozen=True):
    """A link. `kind` is veth, bridge, vxlan …, "" for a plain one; `master` its bridge; `peer` the number of
    the link at its other end, which may be in another namespace, 0 = none.
    """

    number: int
    name: str
    kind: str = ""
    master: str = ""
    peer: int = 0
    up: bool = True
    mtu: int = 0
    loopback: bool = False
    addresses: tuple[str, ...] = ()


class Route(Fact, frozen=True):
    """Where the kernel sends packets to `to`; `error` in place of a device when it would not."""

    to: str
    device: str = ""
    gateway: str = ""
    error: str = ""


class ForwardingEntry(Fact, frozen=True):
    """What a tunnel or bridge knows of a hardware address; `dst` is the tunnel's other end."""

    hardware: str
    device: str
    dst: str = ""


class Neighbour(Fact, frozen=True):
    address: str
    device: str
    hardware: str = ""


class BridgePort(Fact, frozen=True):
    """`hairpin`: it may send a packet back through the port that it came by."""

    name: str
    hairpin: bool = False


class Listener(Fact, frozen=True):
    """A listening TCP socket, or a bound UDP one; `address` "0.0.0.0" or "::" = all of them."""

    protocol: str
    address: str
    port: int


class PlaceState(Fact, frozen=True):
    """What was read at one place. `settings` by their path below /proc/sys; `unread` = what could not be."""

    links: tuple[Link, ...] = ()
    settings: dict[str, str] = msgspec.field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    forwarding: tuple[ForwardingEntry, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    ports: tuple[BridgePort, ...] = ()
    listeners: tuple[Listener, ...] = ()
    unread: tuple[str, ...] = ()

    def link(self, name: str) -> Link | None:
        return next((each for each in self.links if each.name == name), None)

    def route(self, to: str) -> Route | None:
        return next((each for each in self.routes if each.to == to), None)
