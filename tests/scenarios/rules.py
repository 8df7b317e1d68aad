"""The rules of a node's service proxy, in words that two grounds have in common.

Left out: counters and accounting, handles, the order of rules, hashes of addresses, what other components
write, and Services that only one ground has. Kept: every chain, set, map and rule of the scenarios' Services,
with kube-proxy's own hashes of Service ports.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from .ground import Ground, run
from .normal import PINNED, Words, canonical

_KUBELET = ("KUBE-FIREWALL", "KUBE-KUBELET-CANARY", "KUBE-IPTABLES-HINT")
_DNAT = re.compile(r"^-A (KUBE-SEP-\w+) .*--to-destination (\S+)$", re.MULTILINE)
_ACCOUNTING = re.compile(r" -m nfacct --nfacct-name +\S+")
_COUNTED_ONLY = "localhost_nps_accepted_pkts"
"""kube-proxy repeats node port rules for 127.0.0.0/8, to count their packets, where the kernel has nfacct."""
_SHARE = re.compile(r" -m statistic --mode random --probability (\S+)")
_OF_SERVICE = re.compile(r"KUBE-(?:SVC|SVL|EXT|FW)-(\w{16})")
_HASHED_ADDRESS = re.compile(r"\b(endpoint|affinity)-[A-Z0-9]{8}-")


def proxy_rules(ground: Ground, words: Words, node: str, namespaces: tuple[str, ...]) -> str:
    """The node's rules about Services of these namespaces, and those that are about none."""
    known = json.loads(ground.kubectl("get", "namespaces", "-o", "json"))["items"]
    others = [f"{name}/" for each in known if (name := each["metadata"]["name"]) not in namespaces]
    read = _iptables if ground.modes[node] == "iptables" else _nftables
    rules = [json.dumps(words.plainly(rule)) for rule in read(ground, f"node/{node}")]
    # Not every rule of a Service names it; the others go by the hash of one that does.
    others += {chain for rule in rules if _about(rule, others) for chain in _OF_SERVICE.findall(rule)}
    kept = [rule for rule in rules if not _about(rule, others) and not _is_placed(rule)]
    return canonical(words, [json.loads(rule) for rule in kept])


def _about(text: str, names: Iterable[str]) -> bool:
    return any(each in text for each in names)


def _is_placed(rule: str) -> bool:
    """Whether it depends on which pods are on this node, where the scheduler has chosen that."""
    return "set hairpin-connections" in rule and f"({PINNED}/" not in rule


def _iptables(ground: Ground, place: str) -> list[str]:
    """One line per rule, with its table, and one per share. A chain that translates is named by where to."""
    lines: list[str] = []
    for table in ("nat", "filter"):
        text = _ACCOUNTING.sub("", _without_counted(run(ground, place, ["iptables-save", "-t", table])))
        for chain, target in _DNAT.findall(text):
            text = text.replace(chain, f"KUBE-SEP({target})")
        for rule in text.splitlines():
            if rule.startswith("-A ") and "KUBE-" in rule and not _about(rule, _KUBELET):
                lines.append(f"{table} {_SHARE.sub('', rule)}")
                # Which of the backends comes first is a matter of their addresses.
                lines += [
                    f"{table} {rule.split()[1]} has a share of {share}" for share in _SHARE.findall(rule)
                ]
    return lines


def _without_counted(dump: str) -> str:
    return "".join(line for line in dump.splitlines(keepends=True) if _COUNTED_ONLY not in line)


def _nftables(ground: Ground, place: str) -> list[Any]:
    """One value per chain, per rule and per element of a named set or map."""
    dump = run(ground, place, ["nft", "-j", "-s", "list", "table", "ip", "kube-proxy"])
    found: list[Any] = []
    for item in json.loads(_HASHED_ADDRESS.sub(r"\1-", dump))["nftables"]:
        ((kind, told),) = item.items()
        if kind in ("chain", "set", "map", "rule"):
            elements = told.pop("elem", [])
            found.append({kind: _plainer({key: value for key, value in told.items() if key != "handle"})})
            if elements and not told["name"].startswith("affinity-"):  # those are who came lately
                found += [{f"{kind} {told['name']}": _plainer(each)} for each in elements]
    return found


def _plainer(expression: Any) -> Any:
    """The same with prefixes as text, and of a map from random numbers only what it maps to."""
    if isinstance(expression, list):
        return [_plainer(each) for each in expression]
    if not isinstance(expression, dict):
        return expression
    if "prefix" in expression:
        return f"{expression['prefix']['addr']}/{expression['prefix']['len']}"
    choice = expression.get("map") or expression.get("vmap")
    if isinstance(choice, dict) and "numgen" in choice.get("key", {}):
        return {"one of": [_plainer(value) for _, value in choice["data"]["set"]], "by": choice["key"]}
    return {key: _plainer(value) for key, value in expression.items()}
