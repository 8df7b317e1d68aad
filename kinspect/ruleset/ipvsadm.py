"""Reads `ipvsadm -Ln`: the virtual servers of kube-proxy's ipvs mode. Source: ipvsadm(8).

A virtual server is a line "TCP  10.96.0.1:443 rr persistent 10800"; its real servers follow, each in a line
that begins with an arrow: "  -> 10.244.0.2:6443  Masq  1  0  0". Other lines are headings, and are skipped.
Written from the manual and from kube-proxy's own examples: not tried on a running kernel.
"""

from __future__ import annotations

from itertools import pairwise

import msgspec

from kinspect.ruleset.model import RealServer, VirtualServer

_PROTOCOLS = ("TCP", "UDP", "SCTP")


def read(text: str) -> tuple[VirtualServer, ...]:
    """The table, in its order. Never raises; servers by firewall mark (FWM) are no Services, and left out."""
    found: list[VirtualServer] = []
    open_ = False
    for line in text.splitlines():
        words = line.split()
        if words and words[0] == "->":
            server = _real_server(words)
            if open_ and server:
                found[-1] = msgspec.structs.replace(found[-1], servers=(*found[-1].servers, server))
        elif words:
            virtual = _virtual_server(words)
            open_ = virtual is not None
            found += [virtual] if virtual else []
    return tuple(found)


def _virtual_server(words: list[str]) -> VirtualServer | None:
    end = _end(words[1]) if len(words) > 2 else None
    if words[0] not in _PROTOCOLS or end is None:
        return None
    following = dict(pairwise(words))
    persistent = _number(following.get("persistent", ""))
    return VirtualServer(words[0].lower(), *end, words[2], persistent_s=persistent)


def _real_server(words: list[str]) -> RealServer | None:
    end = _end(words[1]) if len(words) > 3 else None
    weight = _number(words[3]) if end else None
    return RealServer(*end, weight) if end and weight is not None else None


def _end(text: str) -> tuple[str, int] | None:
    """Address and port of "10.0.0.1:80" or "[fd00::1]:80"."""
    address, _, port = text.rpartition(":")
    number = _number(port)
    return (address.strip("[]"), number) if address and number is not None else None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else None
