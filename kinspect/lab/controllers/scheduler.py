"""The scheduler: a node for every pod, spread by owner. Affinities, taints and resources are not looked at.

Takes `nodeSelector`, `unschedulable`, readiness and the number of pods into account. The node's zone and
region are copied to the pod's labels, which on a real cluster the API server does when a pod is bound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from kinspect.lab.controllers import recording, workloads
from kinspect.lab.status import Json
from kinspect.lab.store import Event, Name, Store, name_of

_MOST_PODS = 110
_TOPOLOGY = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone")


class Scheduler:
    def keys(self, event: Event, store: Store) -> Iterable[Name]:
        if event.kind == "Pod":
            if not event.object["spec"].get("nodeName"):
                yield name_of(event.object)
        elif event.kind == "Node":
            for pod in store.list("Pod"):
                if not pod["spec"].get("nodeName"):
                    yield name_of(pod)

    def sync(self, key: Name, store: Store) -> None:
        pod = store.find("Pod", *key)
        if pod is None or pod["spec"].get("nodeName") or workloads.is_terminating(pod):
            return
        nodes = store.list("Node")
        used = Counter(other["spec"].get("nodeName") for other in store.list("Pod"))
        selector = pod["spec"].get("nodeSelector") or {}
        fit = [n for n in nodes if takes(n, selector) and used[n["metadata"]["name"]] < _most_pods(n)]
        if fit:
            self._bind(store, key, _least_used(store, pod, fit))
            return
        told = (
            f"0/{len(nodes)} nodes are available: none is ready, open to pods, has the labels of "
            "nodeSelector, and holds fewer pods than it may."
        )
        condition = _scheduled("False", store.time()) | {"reason": "Unschedulable", "message": told}
        if not any(c.get("message") == told for c in pod["status"].get("conditions") or ()):
            store.update("Pod", *key, lambda item: item["status"].update(conditions=[condition]), "status")
            recording.record(store, pod, "Warning", "FailedScheduling", told, pod["spec"]["schedulerName"])

    def _bind(self, store: Store, key: Name, node: Json) -> None:
        meta = node["metadata"]

        def bind(item: Json) -> None:
            item["spec"]["nodeName"] = meta["name"]
            known = {name: meta["labels"][name] for name in _TOPOLOGY if name in meta.get("labels", {})}
            if known:
                item["metadata"]["labels"] = {**item["metadata"].get("labels", {}), **known}

        store.update("Pod", *key, bind)
        condition = _scheduled("True", store.time())
        pod = store.get("Pod", *key)
        told = f"Successfully assigned {key[0]}/{key[1]} to {meta['name']}"
        recording.record(store, pod, "Normal", "Scheduled", told, pod["spec"]["schedulerName"])
        store.update("Pod", *key, lambda item: item["status"].update(conditions=[condition]), "status")


def _most_pods(node: Json) -> int:
    return int(node.get("status", {}).get("allocatable", {}).get("pods", _MOST_PODS))


def takes(node: Json, selector: dict[str, str]) -> bool:
    """Whether a node takes pods with this nodeSelector: ready, not cordoned, and labelled so."""
    open_ = workloads.is_ready(node) and not node.get("spec", {}).get("unschedulable")
    return open_ and has_labels(node, selector)


def has_labels(node: Json, selector: dict[str, str]) -> bool:
    labels = node["metadata"].get("labels", {})
    return all(labels.get(name) == value for name, value in selector.items())


def _least_used(store: Store, pod: Json, nodes: list[Json]) -> Json:
    """The node with the fewest pods of the same owner, then with the fewest pods, then the first by name."""
    owner = workloads.controller_of(pod)
    same: dict[str, int] = {}
    every: dict[str, int] = {}
    for other in store.list("Pod"):
        name = other["spec"].get("nodeName")
        if name:
            every[name] = every.get(name, 0) + 1
            other_owner = workloads.controller_of(other)
            if owner and other_owner and owner["uid"] == other_owner["uid"]:
                same[name] = same.get(name, 0) + 1

    def used(node: Json) -> tuple[int, int]:
        name = node["metadata"]["name"]
        return same.get(name, 0), every.get(name, 0)

    return min(nodes, key=used)


def _scheduled(status: str, now: str) -> Json:
    return {"type": "PodScheduled", "status": status, "lastProbeTime": None, "lastTransitionTime": now}
