"""The dumps of one node, put together: iptables-save of either backend, and nft's JSON."""

from __future__ import annotations

from collections.abc import Iterable

from kinspect.ruleset import iptables_save, nft_json
from kinspect.ruleset.model import Mode, Note, Ruleset

_IPTABLES_TABLES = ("raw", "mangle", "nat", "filter", "security")


def read_node(iptables: Iterable[str] = (), nft: str | bytes | None = None) -> Ruleset:
    """One Ruleset of all that the node was asked for. Never raises.

    `iptables` are the outputs of iptables-nft-save and iptables-legacy-save, or of the one that there is.
    Where both hold a proxy's rules, the first is judged, and a note tells of the other.
    """
    dumps = [iptables_save.read(text) for text in iptables]
    notes = tuple(note for dump in dumps if dump.chains for note in dump.notes)
    with_proxy = [dump for dump in dumps if dump.mode != "none"]
    if len(with_proxy) > 1:
        notes += (Note("iptables", "both backends hold rules of a service proxy: only the first is judged"),)
    chosen = next(iter(with_proxy or [dump for dump in dumps if dump.chains]), Ruleset())
    if nft is None:
        return Ruleset(chosen.mode, chosen.chains, chosen.containers, notes)
    other = nft_json.read(nft)
    covered = {
        f"ip {table}" for table in _IPTABLES_TABLES if any(id_.table == table for id_ in chosen.chains)
    }
    chains = {id_: chain for id_, chain in other.chains.items() if id_.table not in covered}
    hidden = {f"table {table}" for table in covered}
    notes += tuple(note for note in other.notes if note.where not in hidden)
    return Ruleset(_mode(chosen.mode, other.mode), {**chosen.chains, **chains}, other.containers, notes)


def _mode(iptables: Mode, nftables: Mode) -> Mode:
    if "none" in (iptables, nftables):
        return nftables if iptables == "none" else iptables
    return "both"
