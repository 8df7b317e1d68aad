"""The node received the packet and does not route: ip_forward is off, or its source comes by another way."""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.path import Cause
from kinspect.trace.causes import Case, Code, cause

FORWARD = "net/ipv4/ip_forward"

CODES = {
    "NOD301": Code(
        "the node does not forward packets (net.ipv4.ip_forward is 0)",
        "sysctl -w net.ipv4.ip_forward=1, and find out what resets it.",
    ),
    "NOD305": Code(
        "strict reverse path filtering drops it",
        "sysctl -w net.ipv4.conf.all.rp_filter=2 (loose), or mend the route back to the source.",
    ),
}


def reverse_path(interface: str) -> tuple[str, str]:
    """The two settings of which the stricter one holds. Source: Linux ip-sysctl.rst, rp_filter."""
    return "net/ipv4/conf/all/rp_filter", f"net/ipv4/conf/{interface}/rp_filter"


def find(case: Case) -> Iterator[Cause]:
    state, last, parting = case.state, case.last, case.parting
    if state is None or last is None or parting is None or not case.stuck or parting.place.kind != "node":
        return
    if state.settings.get(FORWARD) == "0":
        yield cause(CODES, "NOD301", parting.place, f"{FORWARD} is 0")
    strict = "1" in [state.settings.get(name) for name in reverse_path(last.interface or "")]
    loose = "2" in [state.settings.get(name) for name in reverse_path(last.interface or "")]
    back = state.route(last.src.address) if last.src else None
    if strict and not loose and back is not None and back.device not in ("", last.interface):
        told = f"it came in by {last.interface}, but the route to {back.to} leads to {back.device}"
        yield cause(CODES, "NOD305", parting.place, told)
