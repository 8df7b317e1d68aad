"""Namespaces: what each one has from the start, and how one ends.

A namespace that is deleted stays, Terminating, until the last object in it is gone.
Source: pkg/controller/namespace, pkg/controller/serviceaccount.
"""

from __future__ import annotations

from collections.abc import Iterable

from kinspect.lab.status import Json
from kinspect.lab.store import Event, Name, Store, name_of

_ROOT_CA = "kube-root-ca.crt"


class Namespaces:
    def __init__(self, certificate_authority: str) -> None:
        self._certificate_authority = certificate_authority

    def keys(self, event: Event, store: Store) -> Iterable[Name]:
        if event.kind == "Namespace":
            yield name_of(event.object)
        elif event.type == "DELETED" and event.object["metadata"].get("namespace"):
            yield "", event.object["metadata"]["namespace"]

    def sync(self, key: Name, store: Store) -> None:
        namespace = store.find("Namespace", *key)
        if namespace is None:
            return
        if "deletionTimestamp" in namespace["metadata"]:
            self._empty(store, key)
            return
        for item in self._standard(key[1]):
            if store.find(item["kind"], key[1], item["metadata"]["name"]) is None:
                store.create(item)

    def _standard(self, namespace: str) -> list[Json]:
        account = {"apiVersion": "v1", "kind": "ServiceAccount"}
        trust = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"ca.crt": self._certificate_authority}}
        return [
            account | {"metadata": {"name": "default", "namespace": namespace}},
            trust | {"metadata": {"name": _ROOT_CA, "namespace": namespace}},
        ]

    def _empty(self, store: Store, key: Name) -> None:
        """Deletes everything inside; ends the namespace when nothing is left."""
        left = False
        for kind, resource in store.resources.items():
            if not resource.namespaced:
                continue
            for item in store.list(kind, key[1]):
                if "deletionTimestamp" in item["metadata"]:
                    left = True
                else:
                    left |= not store.delete(kind, *name_of(item))[1]
        if not left and store.find("Namespace", *key) is not None:
            store.update("Namespace", *key, lambda item: item["spec"].pop("finalizers", None))
