"""StatefulSets: pods with names that stay, one after the other.

Volumes are not claimed. Source: pkg/controller/statefulset.
"""

from __future__ import annotations

from collections.abc import Iterable

from kinspect.lab.controllers import workloads
from kinspect.lab.status import Json
from kinspect.lab.store import Event, Name, Store, name_of

_REVISION = "controller-revision-hash"


class StatefulSets:
    def keys(self, event: Event, store: Store) -> Iterable[Name]:
        if event.kind == "StatefulSet":
            yield name_of(event.object)
        elif event.kind == "Pod":
            owner = workloads.controller_of(event.object)
            if owner and owner["kind"] == "StatefulSet":
                yield event.object["metadata"]["namespace"], owner["name"]

    def sync(self, key: Name, store: Store) -> None:
        found = store.find("StatefulSet", *key)
        if found is None or workloads.is_terminating(found):
            return
        revision = f"{key[1]}-{workloads.template_hash(found['spec']['template'])}"
        pods = {_ordinal(pod): pod for pod in workloads.owned(store, "Pod", found)}
        self._step(store, found, pods, revision)
        pods = {_ordinal(pod): pod for pod in workloads.owned(store, "Pod", found)}
        ready = sum(map(workloads.is_ready, pods.values()))
        updated = sum(_revision(pod) == revision for pod in pods.values())
        status: Json = {"replicas": len(pods), "readyReplicas": ready, "currentReplicas": updated}
        status |= {"updatedReplicas": updated, "currentRevision": revision, "updateRevision": revision}
        told = {name: value for name, value in status.items() if value or name == "replicas"}
        told |= {"collisionCount": 0, "availableReplicas": ready}
        workloads.write_status(store, store.get("StatefulSet", *key), told)

    def _step(self, store: Store, found: Json, pods: dict[int, Json], revision: str) -> None:
        """The next change that the order allows; with `Parallel`, all of them."""
        ordered = found["spec"]["podManagementPolicy"] == "OrderedReady"
        first = (found["spec"].get("ordinals") or {}).get("start", 0)
        last = first + found["spec"]["replicas"]
        for ordinal in range(first, last):
            if ordinal not in pods:
                store.create(_pod(found, ordinal, revision))
            if ordered and (ordinal not in pods or not _settled(pods[ordinal])):
                return
        for ordinal in sorted((o for o in pods if not first <= o < last), reverse=True):
            if not workloads.is_terminating(pods[ordinal]):
                store.delete("Pod", *name_of(pods[ordinal]))
            if ordered:
                return
        if found["spec"]["updateStrategy"]["type"] == "RollingUpdate":
            partition = found["spec"]["updateStrategy"]["rollingUpdate"]["partition"]
            self._replace_the_last_stale(store, pods, range(max(first, partition), last), revision)

    def _replace_the_last_stale(
        self, store: Store, pods: dict[int, Json], ordinals: range, revision: str
    ) -> None:
        for ordinal in reversed(ordinals):
            pod = pods.get(ordinal)
            if pod is None or not _settled(pod):
                return
            if _revision(pod) != revision:
                store.delete("Pod", *name_of(pod))
                return


def _pod(owner: Json, ordinal: int, revision: str) -> Json:
    prefix = f"{owner['metadata']['name']}-"
    name = f"{prefix}{ordinal}"
    labels = {
        "apps.kubernetes.io/pod-index": str(ordinal),
        _REVISION: revision,
        "statefulset.kubernetes.io/pod-name": name,
    }
    pod = workloads.pod(owner, labels, name=name, generateName=prefix)
    pod["spec"]["hostname"] = name
    if owner["spec"].get("serviceName"):
        pod["spec"]["subdomain"] = owner["spec"]["serviceName"]
    return pod


def _ordinal(pod: Json) -> int:
    return int(pod["metadata"]["name"].rpartition("-")[2])


def _revision(pod: Json) -> str:
    found: str = pod["metadata"].get("labels", {}).get(_REVISION, "")
    return found


def _settled(pod: Json) -> bool:
    return workloads.is_ready(pod) and not workloads.is_terminating(pod)
