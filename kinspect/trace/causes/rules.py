"""The node's own rules, walked for this very packet, do something else than the objects ask for."""

from __future__ import annotations

from collections.abc import Iterator

from kinspect.model.path import Cause
from kinspect.ruleset.faults import Fault, FaultKind
from kinspect.trace.causes import Case, Code, cause

_RESYNC = (
    "If it stays so (kube-proxy follows a change within seconds), make kube-proxy write its rules anew: "
    "restart it on that node, or change the Service's spec."
)
_FIREWALL = (
    "Find out what made that chain (a firewall, Docker, ufw), and let the traffic of the cluster pass."
)

CODES = {
    "NAT301": Code("the node has no rules of a service proxy", "Look whether kube-proxy runs there."),
    "NAT302": Code("a jump into the proxy's chains is missing", _RESYNC),
    "NAT303": Code("the rules know nothing of this address and port", _RESYNC),
    "NAT304": Code("a chain of the proxy is empty, or none of its rules leads on", _RESYNC),
    "NAT305": Code("the rules still send to an address that is no endpoint", _RESYNC),
    "NAT306": Code("the rules leave an endpoint out", _RESYNC),
    "NAT307": Code("the shares of the endpoints are not equal", _RESYNC),
    "NAT308": Code("the rules refuse, or do not, against what the endpoints say", _RESYNC),
    "NAT309": Code("masquerade is missing: answers take another way", _RESYNC),
    "NAT310": Code(
        "the masquerade mark is not the one that is asked for", "Set one masqueradeBit everywhere."
    ),
    "NAT311": Code("the source is masqueraded though it need not be", "Compare kube-proxy's clusterCIDR."),
    "NOD302": Code("a firewall of the node drops it", _FIREWALL),
}

_OF: dict[FaultKind, str] = {
    "no rules": "NAT301",
    "lost jump": "NAT302",
    "missing entrance": "NAT303",
    "emptied chain": "NAT304",
    "stale backend": "NAT305",
    "missing backend": "NAT306",
    "uneven shares": "NAT307",
    "wrong refusal": "NAT308",
    "missing refusal": "NAT308",
    "dropped": "NOD302",
    "masquerade missing": "NAT309",
    "wrong mark": "NAT310",
    "needless masquerade": "NAT311",
}


def find(case: Case) -> Iterator[Cause]:
    for place, faults in case.faults.items():
        for fault in faults:
            if fault.doubts and case.parting is None:
                continue  # the packets did as expected: what could not be judged is no fault
            where = f"in {fault.chain.table} {fault.chain.name}: " if fault.chain.name else ""
            told = f"{where}expected {fault.expected}, found {fault.seen}"
            doubt = f" (in doubt: {'; '.join(fault.doubts)})" if fault.doubts else ""
            yield cause(CODES, _code(fault), place, told + doubt)


def _code(fault: Fault) -> str:
    """A refusal in a chain that is not the proxy's is somebody else's firewall."""
    if fault.kind == "emptied chain" and fault.expected.startswith("masquerade"):
        return "NAT309"
    proxys = fault.chain.name.startswith("KUBE-") or fault.chain.table.endswith("kube-proxy")
    if fault.kind in ("wrong refusal", "dropped") and not proxys:
        return "NOD302"
    return _OF[fault.kind]
