"""Deployments: one ReplicaSet for each template; the one of the present template takes over.

Rolling out: the new ReplicaSet gets all replicas at once, and an old pod goes for every new one that is
ready (so `maxSurge` and `maxUnavailable` are not kept to). Old ReplicaSets stay, empty, as a real cluster
keeps them. Source: pkg/controller/deployment.
"""

from __future__ import annotations

from collections.abc import Iterable

from kinspect.lab.controllers import workloads
from kinspect.lab.status import Json
from kinspect.lab.store import Event, Name, Store, name_of

_HASH = "pod-template-hash"
_REVISION = "deployment.kubernetes.io/revision"


class Deployments:
    def keys(self, event: Event, store: Store) -> Iterable[Name]:
        if event.kind == "Deployment":
            yield name_of(event.object)
        elif event.kind == "ReplicaSet":
            owner = workloads.controller_of(event.object)
            if owner and owner["kind"] == "Deployment":
                yield event.object["metadata"]["namespace"], owner["name"]

    def sync(self, key: Name, store: Store) -> None:
        found = store.find("Deployment", *key)
        if found is None or workloads.is_terminating(found):
            return
        replica_sets = workloads.owned(store, "ReplicaSet", found)
        digest = workloads.template_hash(found["spec"]["template"])
        current = next((r for r in replica_sets if r["metadata"]["labels"].get(_HASH) == digest), None)
        if current is None:
            current = store.create(_replica_set(found, digest, len(replica_sets) + 1))
        wanted = found["spec"]["replicas"]
        _scale(store, current, wanted)
        remaining = max(0, wanted - current.get("status", {}).get("readyReplicas", 0))
        old = [r for r in replica_sets if r["metadata"]["uid"] != current["metadata"]["uid"]]
        for replica_set in old:
            keep = min(replica_set["spec"]["replicas"], remaining)
            remaining -= keep
            _scale(store, replica_set, keep)
        revision = current["metadata"]["annotations"][_REVISION]
        if found["metadata"].get("annotations", {}).get(_REVISION) != revision:
            store.update("Deployment", *key, lambda item: _annotate(item, revision))
        self._report(key, store)

    def _report(self, key: Name, store: Store) -> None:
        found = store.get("Deployment", *key)
        replica_sets = workloads.owned(store, "ReplicaSet", found)
        digest = workloads.template_hash(found["spec"]["template"])
        total = _sum(replica_sets, "replicas")
        ready = _sum(replica_sets, "readyReplicas")
        updated = _sum([r for r in replica_sets if r["metadata"]["labels"].get(_HASH) == digest], "replicas")
        wanted = found["spec"]["replicas"]
        counts = {"replicas": total, "updatedReplicas": updated, "readyReplicas": ready}
        counts |= {"availableReplicas": ready, "unavailableReplicas": max(0, wanted - ready)}
        before = {c["type"]: c for c in found.get("status", {}).get("conditions") or ()}
        conditions = [
            _condition(before, store.time(), *told) for told in _conditions(found, digest, ready, updated)
        ]
        told = {name: count for name, count in counts.items() if count}
        workloads.write_status(store, found, told | {"conditions": conditions})


def _replica_set(owner: Json, digest: str, revision: int) -> Json:
    spec = owner["spec"]
    labels = {**(spec["template"]["metadata"].get("labels") or {}), _HASH: digest}
    template = {**spec["template"], "metadata": {**spec["template"]["metadata"], "labels": labels}}
    selector = {**spec["selector"], "matchLabels": {**(spec["selector"].get("matchLabels") or {})}}
    selector["matchLabels"][_HASH] = digest
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{owner['metadata']['name']}-{digest}",
            "namespace": owner["metadata"]["namespace"],
            "labels": labels,
            "annotations": {_REVISION: str(revision)},
            "ownerReferences": [workloads.reference(owner)],
        },
        "spec": {"replicas": spec["replicas"], "selector": selector, "template": template},
    }


def _conditions(deployment: Json, digest: str, ready: int, updated: int) -> list[tuple[str, str, str, str]]:
    """Type, status, reason and message of the two conditions, in the controller's words."""
    name, wanted = deployment["metadata"]["name"], deployment["spec"]["replicas"]
    if ready >= wanted - wanted // 4:
        available = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        told = "Deployment does not have minimum availability."
        available = ("False", "MinimumReplicasUnavailable", told)
    if ready >= wanted and updated == wanted:
        told = f'ReplicaSet "{name}-{digest}" has successfully progressed.'
        progressing = ("True", "NewReplicaSetAvailable", told)
    else:
        progressing = ("True", "ReplicaSetUpdated", f'ReplicaSet "{name}-{digest}" is progressing.')
    return [("Available", *available), ("Progressing", *progressing)]


def _condition(before: dict[str, Json], now: str, kind: str, status: str, reason: str, message: str) -> Json:
    told = {"type": kind, "status": status}
    known = before.get(kind, {})
    if (known.get("status"), known.get("reason"), known.get("message")) == (status, reason, message):
        return known
    since = known.get("lastTransitionTime", now) if known.get("status") == status else now
    return told | {"lastUpdateTime": now, "lastTransitionTime": since, "reason": reason, "message": message}


def _annotate(item: Json, revision: str) -> None:
    item["metadata"].setdefault("annotations", {})[_REVISION] = revision


def _scale(store: Store, replica_set: Json, replicas: int) -> None:
    if replica_set["spec"]["replicas"] != replicas:
        store.update("ReplicaSet", *name_of(replica_set), lambda item: item["spec"].update(replicas=replicas))


def _sum(replica_sets: list[Json], field: str) -> int:
    return sum(each.get("status", {}).get(field, 0) for each in replica_sets)
