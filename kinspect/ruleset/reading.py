"""The dumps of one node, put together: iptables-save of either backend, nft's JSON, ipvsadm."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from kinspect.ruleset import iptables_save, ipvsadm, nft_json
from kinspect.ruleset.model import Mode, Note, Ruleset

_IPTABLES_TABLES = ("raw", "mangle", "nat", "filter", "security")


def read_node(
    iptables: Iterable[str] = (), nft: str | bytes | None = None, ipvs: str | None = None
) -> Ruleset:
    """One Ruleset of all that the node was asked for; None = was not asked. Never raises.

    `iptables` are the outputs of iptables-nft-save and iptables-legacy-save, or of the one that there is.
    Where both hold a proxy's rules, the first is judged, and a note tells of the other.
    """
    dumps = list(iptables)
    ruleset = msgspec.structs.replace(
        _with_nft(_of_iptables(dumps), nft), complete=bool(dumps) and nft is not None
    )
    if ipvs is not None:
        return msgspec.structs.replace(ruleset, virtual_servers=ipvsadm.read(ipvs))
    if ruleset.mode == "ipvs":
        note = Note("ipvs", "the virtual servers were not read: ipvsadm -Ln tells them")
        return msgspec.structs.replace(ruleset, notes=(*ruleset.notes, note))
    return ruleset


def _of_iptables(texts: Iterable[str]) -> Ruleset:
    dumps = [iptables_save.read(text) for text in texts]
    notes = tuple(note for dump in dumps if dump.chains for note in dump.notes)
    with_proxy = [dump for dump in dumps if dump.mode != "none"]
    if len(with_proxy) > 1:
        notes += (Note("iptables", "both backends hold rules of a service proxy: only the first is judged"),)
    chosen = next(iter(with_proxy or [dump for dump in dumps if dump.chains]), Ruleset())
    return msgspec.structs.replace(chosen, notes=notes)


def _with_nft(ruleset: Ruleset, text: str | bytes | None) -> Ruleset:
    """Adds the tables of nftables itself; those of iptables are known better already."""
    if text is None:
        return ruleset
    nft = nft_json.read(text)
    covered = {
        f"ip {table}" for table in _IPTABLES_TABLES if any(id_.table == table for id_ in ruleset.chains)
    }
    chains = {id_: chain for id_, chain in nft.chains.items() if id_.table not in covered}
    hidden = {f"table {table}" for table in covered}
    notes = tuple(note for note in nft.notes if note.where not in hidden)
    return Ruleset(
        _mode(ruleset.mode, nft.mode), {**ruleset.chains, **chains}, nft.containers, (*ruleset.notes, *notes)
    )


def _mode(iptables: Mode, nftables: Mode) -> Mode:
    if "none" in (iptables, nftables):
        return nftables if iptables == "none" else iptables
    return "both"
