"""DaemonSets: one pod on every node that the template's nodeSelector takes. Source: pkg/controller/daemon.

The pods are bound at once, without the scheduler, also to nodes that are cordoned or not ready, as the real
ones tolerate both. A changed template replaces all of them together.
"""

from __future__ import annotations

from collections.abc import Iterable

from kinspect.lab.controllers import workloads
from kinspect.lab.controllers.scheduler import has_labels
from kinspect.lab.status import Json
from kinspect.lab.store import Event, Name, Store, name_of

_REVISION = "controller-revision-hash"


class DaemonSets:
    def keys(self, event: Event, store: Store) -> Iterable[Name]:
        if event.kind == "DaemonSet":
            yield name_of(event.object)
        elif event.kind == "Node":
            yield from map(name_of, store.list("DaemonSet"))
        elif event.kind == "Pod":
            owner = workloads.controller_of(event.object)
            if owner and owner["kind"] == "DaemonSet":
                yield event.object["metadata"]["namespace"], owner["name"]

    def sync(self, key: Name, store: Store) -> None:
        found = store.find("DaemonSet", *key)
        if found is None or workloads.is_terminating(found):
            return
        revision = workloads.template_hash(found["spec"]["template"])
        selector = found["spec"]["template"]["spec"].get("nodeSelector") or {}
        nodes = [node["metadata"]["name"] for node in store.list("Node") if has_labels(node, selector)]
        on: dict[str, Json] = {}
        for pod in workloads.owned(store, "Pod", found):
            stale = pod["metadata"]["labels"].get(_REVISION) != revision
            if workloads.is_terminating(pod):
                continue
            if stale or pod["spec"]["nodeName"] not in nodes:
                store.delete("Pod", *name_of(pod))
            else:
                on[pod["spec"]["nodeName"]] = pod
        for node in nodes:
            if node not in on:
                pod = workloads.pod(found, {_REVISION: revision}, generateName=f"{key[1]}-")
                pod["spec"]["nodeName"] = node
                on[node] = store.create(pod)
        ready = sum(map(workloads.is_ready, on.values()))
        status = {"currentNumberScheduled": len(on), "numberMisscheduled": 0}
        status |= {"desiredNumberScheduled": len(nodes), "numberReady": ready}
        extra = {"updatedNumberScheduled": len(on), "numberAvailable": ready}
        extra["numberUnavailable"] = len(nodes) - ready
        status |= {name: count for name, count in extra.items() if count}
        workloads.write_status(store, store.get("DaemonSet", *key), status)
