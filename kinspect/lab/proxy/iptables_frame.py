"""The part of kube-proxy's iptables rules that does not depend on Services: hooks, mark, forward, canaries.

Source: kube-proxy iptablesJumpChains and syncProxyRules. The nfacct match of the rule for INVALID packets is
left out, as kube-proxy does where the kernel has no counters.
"""

from __future__ import annotations

from collections.abc import Iterator

MASQUERADE_MARK = "0x4000"
LAST_NOTE = "kubernetes service nodeports; NOTE: this must be the last rule in this chain"

_NEW = "-m conntrack --ctstate NEW "
_BUILTIN = {
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
}
_CANARY = "KUBE-PROXY-CANARY"
_CHAINS = {
    "mangle": (_CANARY,),
    "filter": (
        "KUBE-EXTERNAL-SERVICES",
        "KUBE-FIREWALL",
        "KUBE-FORWARD",
        "KUBE-NODEPORTS",
        _CANARY,
        "KUBE-PROXY-FIREWALL",
        "KUBE-SERVICES",
    ),
    "nat": ("KUBE-MARK-MASQ", "KUBE-NODEPORTS", "KUBE-POSTROUTING", _CANARY, "KUBE-SERVICES"),
}


class Table:
    """One table being written: chains by name, each with its rules in order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._chains: dict[str, list[str]] = {chain: [] for chain in (*_BUILTIN[name], *_CHAINS[name])}

    def chain(self, name: str) -> None:
        """Declares a chain, which may stay empty."""
        self._chains.setdefault(name, [])

    def add(self, chain: str, *parts: str) -> None:
        """Appends a rule made of these parts, in the order in which iptables-save prints them."""
        self.chain(chain)
        self._chains[chain].append(" ".join(part for part in parts if part))

    def lines(self) -> Iterator[str]:
        """The table as iptables-restore reads it."""
        yield f"*{self.name}"
        for chain in self._chains:
            yield f":{chain} {'ACCEPT' if chain in _BUILTIN[self.name] else '-'} [0:0]"
        for chain, rules in self._chains.items():
            for rule in rules:
                yield f"-A {chain} {rule}"
        yield "COMMIT"


def comment(text: str) -> str:
    return f'-m comment --comment "{text}"'


def frame(localhost_node_ports: bool) -> dict[str, Table]:
    """The three tables with every rule that no Service is needed for."""
    nat, filter_ = Table("nat"), Table("filter")
    for hook in ("PREROUTING", "OUTPUT"):
        nat.add(hook, comment("kubernetes service portals"), "-j KUBE-SERVICES")
    nat.add("POSTROUTING", comment("kubernetes postrouting rules"), "-j KUBE-POSTROUTING")
    _masquerading(nat)

    for hook in ("INPUT", "FORWARD", "OUTPUT"):
        _hook(filter_, hook, localhost_node_ports)
    _forwarding(filter_)
    return {"mangle": Table("mangle"), "filter": filter_, "nat": nat}


def _masquerading(nat: Table) -> None:
    mark = MASQUERADE_MARK
    nat.add("KUBE-MARK-MASQ", f"-j MARK --set-xmark {mark}/{mark}")
    nat.add("KUBE-POSTROUTING", f"-m mark ! --mark {mark}/{mark} -j RETURN")
    # Cleared, so that a packet that comes by again inside a tunnel is not masqueraded a second time.
    nat.add("KUBE-POSTROUTING", f"-j MARK --set-xmark {mark}/0x0")
    note = comment("kubernetes service traffic requiring SNAT")
    nat.add("KUBE-POSTROUTING", note, "-j MASQUERADE --random-fully")


def _hook(filter_: Table, hook: str, localhost_node_ports: bool) -> None:
    firewall = _NEW + comment("kubernetes load balancer firewall")
    external = _NEW + comment("kubernetes externally-visible service portals")
    portals = _NEW + comment("kubernetes service portals")
    if hook != "FORWARD":
        filter_.add(hook, "-j KUBE-FIREWALL")
    filter_.add(hook, firewall, "-j KUBE-PROXY-FIREWALL")
    if hook == "INPUT":
        filter_.add(hook, comment("kubernetes health check service ports"), "-j KUBE-NODEPORTS")
    if hook == "FORWARD":
        filter_.add(hook, comment("kubernetes forwarding rules"), "-j KUBE-FORWARD")
    if hook != "INPUT":
        filter_.add(hook, portals, "-j KUBE-SERVICES")
    if hook != "OUTPUT":
        filter_.add(hook, external, "-j KUBE-EXTERNAL-SERVICES")
    if hook == "INPUT" and localhost_node_ports:
        # Node ports on loopback need route_localnet, which would let neighbours reach loopback listeners.
        filter_.add(
            "KUBE-FIREWALL",
            "! -s 127.0.0.0/8 -d 127.0.0.0/8",
            comment("block incoming localnet connections"),
            "-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP",
        )


def _forwarding(filter_: Table) -> None:
    mark = MASQUERADE_MARK
    filter_.add("KUBE-FORWARD", "-m conntrack --ctstate INVALID -j DROP")
    note = comment("kubernetes forwarding rules")
    filter_.add("KUBE-FORWARD", note, f"-m mark --mark {mark}/{mark} -j ACCEPT")
    note = comment("kubernetes forwarding conntrack rule")
    filter_.add("KUBE-FORWARD", note, "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
