"""Rules in pieces that the kernel takes from an unprivileged user.

A load is one netlink message, and without privilege on the machine itself it must fit a socket's ordinary
send buffer (net.core.wmem_default, about 200 KiB): "Message too long" otherwise. Sizes here are of messages
on the safe side, tried on iptables 1.8.9 and nft 1.0.6. Pieces are no transaction: while they are loaded,
the node has only some of its rules. So a load as a whole should be tried first.
"""

from __future__ import annotations

from collections.abc import Iterable

_MESSAGE_BYTES = 100_000
_CHAIN_BYTES = 150
_RULE_BYTES = 800  # a comment alone takes 256, however short it is
_SCRIPT_FACTOR = 1.3  # bytes of a message for a byte of an nft script


def iptables_batches(text: str) -> list[str]:
    """An `iptables-restore` input in pieces: the first to be loaded as it is, the others with --noflush.

    The first one empties the tables. Chains are declared before any rule; a chain's rules stay in order.
    """
    tables: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("*"):
            lines = tables.setdefault(line, [])
        else:
            lines.append(line)
    pieces = ["".join(f"{table}\nCOMMIT\n" for table in tables)]
    for mark, size in ((":", _CHAIN_BYTES), ("-A ", _RULE_BYTES)):
        for table, lines in tables.items():
            sized = [(line, size) for line in lines if line.startswith(mark)]
            pieces += ["\n".join((table, *batch, "COMMIT", "")) for batch in _filled(sized)]
    return pieces


def nftables_batches(script: str) -> list[str]:
    """An `nft -f` script in pieces, to be loaded one after the other."""
    sized = [(line, int(len(line) * _SCRIPT_FACTOR)) for line in script.splitlines()]
    return ["\n".join((*batch, "")) for batch in _filled(sized)]


def _filled(sized: Iterable[tuple[str, int]]) -> list[list[str]]:
    """The lines in order, in as few batches as their sizes allow."""
    batches: list[list[str]] = []
    room = 0
    for line, size in sized:
        if size > room:
            batches.append([])
            room = _MESSAGE_BYTES
        batches[-1].append(line)
        room -= size
    return batches
