"""The names of kube-proxy's chains and sets. Hashes make them short enough and stable, so that the name of
a chain can be computed from API objects alone.

Source: servicePortChainNameBase and portProtoHash of kube-proxy's iptables and nftables proxiers.
"""

from __future__ import annotations

from base64 import b32encode
from hashlib import sha256

_LONGEST_NFT_NAME = 240


def service_port_name(namespace: str, service: str, port: str) -> str:
    """`namespace/name:port`, or `namespace/name` when the port has no name: how kube-proxy calls it."""
    return f"{namespace}/{service}:{port}" if port else f"{namespace}/{service}"


def iptables_hash(service_port: str, protocol: str, endpoint: str = "") -> str:
    """The 16 characters after `KUBE-SVC-`, `-SVL-`, `-EXT-`, `-FW-`; with `ip:port` those of `KUBE-SEP-`."""
    return _base32(service_port + protocol + endpoint)[:16]


def nftables_base(namespace: str, service: str, protocol: str, port: str, endpoint: str = "") -> str:
    """What follows `service-`, `local-`, `external-`, `firewall-`; with `ip:port` also `endpoint-`."""
    name = f"{namespace}/{service}/{protocol}/{port}"
    if endpoint:
        address, _, number = endpoint.rpartition(":")
        name += f"__{address}/{number}"
    full = f"{_base32(name)[:8]}-{name}"
    return full if len(full) <= _LONGEST_NFT_NAME else full[: _LONGEST_NFT_NAME - 3] + "..."


def _base32(text: str) -> str:
    return b32encode(sha256(text.encode()).digest()).decode()
