"""The backend refused the packet: nothing listens there, or only for its own place."""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.path import Cause
from kinspect.trace.causes import Case, Code, at, cause

CODES = {
    "EPS301": Code(
        "nothing listens on this port",
        "Compare targetPort with the port that the program listens on.",
    ),
    "EPS302": Code(
        "the program listens on 127.0.0.1 only",
        "Let it listen on 0.0.0.0 (or the pod's address). kubectl port-forward works all the same.",
    ),
}


def find(case: Case) -> Iterator[Cause]:
    parting = case.parting
    refused = next((hop for hop in case.run.hops if "rejected" in hop.actions), None)
    if parting is None or refused is None or refused.src is None or at(refused.place) != parting.place:
        return
    state = case.states.get(parting.place)
    called = next((hop for hop in reversed(case.run.hops) if hop.direction == "original" and hop.dst), None)
    ends_here = case.run.alternative is not None and any(
        "delivered" in visit.actions and visit.place == parting.place for visit in case.run.alternative.visits
    )
    if state is None or called is None or called.dst is None or not ends_here:
        return
    backend = case.run.alternative.backend if case.run.alternative else None
    port = backend.port if backend is not None else called.dst.port
    listening = [
        each for each in state.listeners if each.port == port and each.protocol == case.target.protocol
    ]
    if not listening:
        ports = ", ".join(str(each.port) for each in state.listeners) or "no port"
        yield cause(CODES, "EPS301", parting.place, f"nothing listens on port {port}; it listens on {ports}")
    elif all(each.address.startswith("127.") or each.address == "::1" for each in listening):
        yield cause(CODES, "EPS302", parting.place, f"port {port} is bound to {listening[0].address} only")
