"""A kubelet of paper: pods run, have addresses and are ready, and no packet ever moves.

For the demo on machines that allow no namespaces, and for tests. Readiness is what the annotation says, as
with the lab's real kubelet; a deleted pod goes at once.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from kinspect.lab import podstatus
from kinspect.lab.controllers import workloads
from kinspect.lab.status import Json
from kinspect.lab.store import Event, Name, Store, name_of

_FIRST_POD = 2
"""The segment's first address is the tunnel's, the second the bridge's."""


class PaperKubelet:
    def keys(self, event: Event, store: Store) -> Iterable[Name]:
        if event.kind == "Pod" and event.object["spec"].get("nodeName"):
            yield name_of(event.object)
        elif event.kind == "Node" and event.type == "ADDED":
            for pod in store.list("Pod"):
                if pod["spec"].get("nodeName") == event.object["metadata"]["name"]:
                    yield name_of(pod)

    def sync(self, key: Name, store: Store) -> None:
        pod = store.find("Pod", *key)
        if pod is None:
            return
        if workloads.is_terminating(pod):
            store.delete("Pod", *key, grace_s=0)
            return
        node = store.find("Node", "", pod["spec"].get("nodeName", ""))
        if node is None or not node.get("spec", {}).get("podCIDR"):
            return
        addresses = node.get("status", {}).get("addresses") or ()
        host = next((a["address"] for a in addresses if a["type"] == "InternalIP"), "")
        before = pod.get("status", {})
        address = before.get("podIP")
        if not address:
            address = host if pod["spec"].get("hostNetwork") else _free(store, node)
        started = before.get("startTime") or store.time()
        told = podstatus.running(before, pod, store.time(), started, address, host)
        if told != before:
            store.update("Pod", *key, lambda item: item.update(status=told), "status")


def _free(store: Store, node: Json) -> str:
    """The lowest free address of the node's segment."""
    name = node["metadata"]["name"]
    taken = {p["status"].get("podIP") for p in store.list("Pod") if p["spec"].get("nodeName") == name}
    segment = ipaddress.ip_network(node["spec"]["podCIDR"])
    return next(
        address
        for number in range(_FIRST_POD, segment.num_addresses - 1)
        if (address := str(segment[number])) not in taken
    )
