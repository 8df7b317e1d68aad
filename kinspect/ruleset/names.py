"""kube-proxy's own names: computed from a Service port, and taken apart again.

Source: servicePortChainNameBase and portProtoHash of kube-proxy's iptables and nftables proxiers.
"""

from __future__ import annotations

import re
from base64 import b32encode
from hashlib import sha256
from typing import NamedTuple

NFTABLES_TABLE = "ip kube-proxy"
"""The table of nftables mode, for IPv4."""

IPTABLES_KINDS = {"SVC": "service", "SVL": "local", "EXT": "external", "FW": "firewall", "SEP": "endpoint"}
"""Kinds of chains, by what follows "KUBE-" in iptables mode; nftables mode spells them out."""

_IPTABLES = re.compile(r"KUBE-(SVC|SVL|EXT|FW|SEP|XLB)-([A-Z2-7]{16})")
_NFTABLES = re.compile(r"(service|local|external|firewall|endpoint)-([A-Z2-7]{8})-(.*)", re.DOTALL)


class ServicePort(NamedTuple):
    """A Service port as a proxy keys it; `port` "" = unnamed, `protocol` in lower case."""

    namespace: str
    service: str
    port: str
    protocol: str

    def __str__(self) -> str:
        return (
            f"{self.namespace}/{self.service}:{self.port}"
            if self.port
            else f"{self.namespace}/{self.service}"
        )


class IptablesName(NamedTuple):
    kind: str
    hash: str


class NftablesName(NamedTuple):
    """`endpoint` is "ip/port", "" for the chains of a Service port."""

    kind: str
    of: ServicePort
    endpoint: str


def iptables_hash(of: ServicePort, endpoint: str = "") -> str:
    """What all iptables chains of a Service port end in; with "ip:port", the chain of that endpoint."""
    return _base32(f"{of}{of.protocol}{endpoint}")[:16]


def iptables_name(chain: str) -> IptablesName | None:
    """The kind and the hash of a Service's chain; None = some other chain. XLB (before 1.25) is external."""
    found = _IPTABLES.fullmatch(chain)
    return IptablesName(IPTABLES_KINDS.get(found[1], "external"), found[2]) if found else None


def nftables_name(chain: str) -> NftablesName | None:
    """What a chain's name says; None = some other chain, or a name that its own hash does not confirm."""
    found = _NFTABLES.fullmatch(chain)
    if not found:
        return None
    kind, hash_, rest = found.groups()
    base, _, endpoint = rest.partition("__")
    parts = base.split("/")
    # A name that was cut to what the kernel takes cannot be confirmed, and is known by its dots.
    if len(parts) != 4 or not (rest.endswith("...") or _base32(rest)[:8] == hash_):
        return None
    namespace, service, protocol, port = parts
    return NftablesName(kind, ServicePort(namespace, service, port, protocol), endpoint)


def service_port_of(comment: str, protocol: str, hash_: str) -> ServicePort | None:
    """The Service port that an iptables comment begins with, if the chain's hash confirms it."""
    text = comment.split(" ", 1)[0]
    named, _, port = text.partition(":")
    namespace, _, service = named.partition("/")
    of = ServicePort(namespace, service, port, protocol)
    return of if hash_ and iptables_hash(of) == hash_ else None


def _base32(text: str) -> str:
    return b32encode(sha256(text.encode("utf-8", "surrogatepass")).digest()).decode()
