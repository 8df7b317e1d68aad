"""ReplicaSets: as many pods as asked. Source: pkg/controller/replicaset, controller_utils.go."""

from __future__ import annotations

from collections.abc import Iterable

from kinspect.lab.controllers import workloads
from kinspect.lab.status import Json
from kinspect.lab.store import Event, Name, Store, name_of

_BURST = 500


class ReplicaSets:
    def keys(self, event: Event, store: Store) -> Iterable[Name]:
        if event.kind == "ReplicaSet":
            yield name_of(event.object)
        elif event.kind == "Pod":
            owner = workloads.controller_of(event.object)
            if owner and owner["kind"] == "ReplicaSet":
                yield event.object["metadata"]["namespace"], owner["name"]

    def sync(self, key: Name, store: Store) -> None:
        found = store.find("ReplicaSet", *key)
        if found is None or workloads.is_terminating(found):
            return
        pods = [
            pod
            for pod in workloads.owned(store, "Pod", found)
            if not workloads.is_terminating(pod) and not workloads.is_terminal(pod)
        ]
        wanted = found["spec"]["replicas"]
        # Each new pod wakes this up again, so the rest follows, and others get their turn between.
        for _ in range(min(_BURST, wanted - len(pods))):
            store.create(workloads.pod(found, {}, generateName=f"{key[1]}-"))
        for pod in sorted(pods, key=_goes_first)[: max(0, len(pods) - wanted)]:
            store.delete("Pod", *name_of(pod))
        ready = sum(map(workloads.is_ready, pods))
        counts = {"replicas": len(pods), "fullyLabeledReplicas": len(pods)}
        counts |= {"readyReplicas": ready, "availableReplicas": ready}
        told = {name: count for name, count in counts.items() if count or name == "replicas"}
        current = store.get("ReplicaSet", *key)
        workloads.write_status(store, current, told)


def _goes_first(pod: Json) -> tuple[bool, bool, int]:
    """Unassigned before assigned, unready before ready, young before old."""
    version = int(pod["metadata"]["resourceVersion"])
    return bool(pod["spec"].get("nodeName")), workloads.is_ready(pod), -version
