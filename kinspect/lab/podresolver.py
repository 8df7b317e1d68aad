"""The resolv.conf of a pod, by its `dnsPolicy` and `dnsConfig`.

Source: kubelet's network/dns package (GetPodDNS, appendDNSConfig) and KEP-2595 for the limits.
"""

from __future__ import annotations

from typing import Any

MAXIMUM_NAMESERVERS = 3
MAXIMUM_SEARCHES = 32


def resolver_file(pod: dict[str, Any], cluster_dns: str, zone: str, node_file: str) -> str:
    """The text of a pod's /etc/resolv.conf; `node_file` is the text of its node's."""
    spec = pod["spec"]
    policy = spec.get("dnsPolicy", "ClusterFirst")
    if policy == "ClusterFirst" and spec.get("hostNetwork"):
        policy = "Default"  # silently: the object still says ClusterFirst
    nameservers, searches, options = _parse(node_file)
    if policy in ("ClusterFirst", "ClusterFirstWithHostNet"):
        namespace = pod["metadata"]["namespace"]
        nameservers = [cluster_dns]
        searches = [f"{namespace}.svc.{zone}", f"svc.{zone}", zone, *searches]
        options = {"ndots": "5"}
    elif policy == "None":
        nameservers, searches, options = [], [], {}
    config = spec.get("dnsConfig") or {}
    nameservers = _once(nameservers + (config.get("nameservers") or []))[:MAXIMUM_NAMESERVERS]
    searches = _once(searches + (config.get("searches") or []))[:MAXIMUM_SEARCHES]
    options |= {option["name"]: option.get("value") for option in config.get("options") or ()}
    lines = [f"search {' '.join(searches)}"] if searches else []
    lines += [f"nameserver {address}" for address in nameservers]
    if options:
        lines.append("options " + " ".join(k if v is None else f"{k}:{v}" for k, v in options.items()))
    return "\n".join(lines) + "\n"


def _parse(text: str) -> tuple[list[str], list[str], dict[str, str | None]]:
    nameservers: list[str] = []
    searches: list[str] = []
    options: dict[str, str | None] = {}
    for line in text.splitlines():
        match line.split():
            case ["nameserver", address, *_]:
                nameservers.append(address)
            case ["search", *names]:
                searches = names
            case ["options", *given]:
                for option in given:
                    name, colon, value = option.partition(":")
                    options[name] = value if colon else None
    return nameservers, searches, options


def _once(items: list[str]) -> list[str]:
    return list(dict.fromkeys(items))
