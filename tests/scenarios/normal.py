"""Says the same of two grounds in the same words: addresses and generated names become what they stand for.

`10.244.1.7` on one ground and `198.18.2.4` on the other are both `ip(shop/web-*)`; the pod `web-6b7d9-x2x4z`
is `web-*`.
What has no meaning of its own, the order of lists above all, is taken out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from .ground import Ground, Json

KINDS = "services,endpointslices,pods,nodes"
PINNED = "scenarios"
"""The namespace whose pods are bound to their nodes; elsewhere the scheduler may choose."""
NODE_PORTS = range(30_000, 32_768)
_REPLICA = re.compile(r"-[a-z0-9]{1,10}-[a-z0-9]{5}$")


class Words:
    """What the addresses and generated names of a ground stand for."""

    def __init__(self, ground: Ground) -> None:
        items = json.loads(ground.kubectl("get", KINDS, "-A", "-o", "json"))["items"]
        meanings: dict[str, str] = {}
        for kind in ("Pod", "Node", "Service", "EndpointSlice"):
            for item in (each for each in items if each["kind"] == kind):
                meanings |= _MEANINGS[kind](item)
        for address in [text for text in meanings if text.count(".") == 3]:
            backwards = ".".join(reversed(address.split(".")))
            meanings[f"{backwards}.in-addr.arpa"] = f"reverse({meanings[address]})"
            meanings[address.replace(".", "-")] = meanings[address]
        self._meanings = meanings
        self._networks = ground.networks
        exact = sorted(map(re.escape, self._meanings), key=len, reverse=True)
        self._known = re.compile(r"(?<![A-Za-z0-9.-])(?:" + "|".join(exact) + r")(?![\w-]|\.\d)")
        prefixes = sorted(map(re.escape, self._networks), key=len, reverse=True)
        self._other = re.compile(r"(?<![A-Za-z0-9.-])(?:" + "|".join(prefixes) + r")")

    def plain(self, text: str) -> str:
        """The text with every known address and name replaced by its meaning."""
        known = self._known.sub(lambda found: self._meanings[found.group()], text)
        return self._other.sub(lambda found: self._networks[found.group()], known)

    def plainly(self, value: Any) -> Any:
        """The same for every text of a JSON value, and for node ports."""
        return json.loads(self.plain(json.dumps(_with_ports_as_text(value))))


def canonical(words: Words, value: Any) -> str:
    """JSON that two grounds have in common: plain words, sorted lists, no generated parts."""
    return json.dumps(_sorted(words.plainly(value)), indent=1, sort_keys=True) + "\n"


def without(value: Any, keys: frozenset[str]) -> Any:
    """The value with these keys left out, at any depth."""
    if isinstance(value, dict):
        return {key: without(each, keys) for key, each in value.items() if key not in keys}
    return [without(each, keys) for each in value] if isinstance(value, list) else value


def owner(pod: Mapping[str, Any]) -> str:
    """A name that survives the pod: that of the workload that makes any number of such pods, as `web-*`."""
    name: str = pod["metadata"]["name"]
    kinds = {each["kind"] for each in pod["metadata"].get("ownerReferences", ())}
    if "ReplicaSet" in kinds:
        return _REPLICA.sub("-*", name)
    return f"{name.rpartition('-')[0]}-*" if "DaemonSet" in kinds else name


def _of_pod(pod: Json) -> dict[str, str]:
    """A pod on the host network goes by its node: others that do may stand beside it there."""
    word, name = owner(pod), pod["metadata"]["name"]
    addresses = [ip["ip"] for ip in pod["status"].get("podIPs", ())]
    if pod["spec"].get("hostNetwork"):
        return {name: f"ip({pod['spec']['nodeName']})"}
    return {name: word, **dict.fromkeys(addresses, f"ip({pod['metadata']['namespace']}/{word})")}


def _of_node(node: Json) -> dict[str, str]:
    name = node["metadata"]["name"]
    return {
        each["address"]: f"ip({name})" for each in node["status"]["addresses"] if each["type"] == "InternalIP"
    }


def _of_service(service: Json) -> dict[str, str]:
    name = f"{service['metadata']['namespace']}/{service['metadata']['name']}"
    virtual = {ip: f"vip({name})" for ip in service["spec"].get("clusterIPs", ()) if ip != "None"}
    entries = service["status"]["loadBalancer"].get("ingress", ())
    balancer = {entry["ip"]: f"balancer({name})" for entry in entries if entry.get("ip")}
    ports = {
        str(port["nodePort"]): f"node-port({name}:{port.get('name', '')})"
        for port in service["spec"].get("ports", ())
        if "nodePort" in port
    }
    return virtual | balancer | ports


def _of_slice(slice_: Json) -> dict[str, str]:
    meta = slice_["metadata"]
    return {meta["name"]: f"{meta['generateName']}*"} if "generateName" in meta else {}


_MEANINGS = {"Pod": _of_pod, "Node": _of_node, "Service": _of_service, "EndpointSlice": _of_slice}


def _with_ports_as_text(value: Any) -> Any:
    """The same with node ports, which may be allocated at random, as texts that a word can replace."""
    if isinstance(value, dict):
        return {key: _with_ports_as_text(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_ports_as_text(each) for each in value]
    return str(value) if isinstance(value, int) and value in NODE_PORTS else value


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(each) for key, each in value.items()}
    if isinstance(value, list):
        return sorted(map(_sorted, value), key=lambda each: json.dumps(each, sort_keys=True))
    return value
