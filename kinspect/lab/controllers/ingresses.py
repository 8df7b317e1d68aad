"""Ingresses of the lab's class get the address of the controller's own Service, as ingress-nginx does it."""

from __future__ import annotations

from collections.abc import Iterable

from kinspect.lab.addons import INGRESS_CONTROLLER, INGRESS_NAME, INGRESS_NAMESPACE
from kinspect.lab.status import Json
from kinspect.lab.store import Event, Name, Store, name_of


class Ingresses:
    def keys(self, event: Event, store: Store) -> Iterable[Name]:
        if event.kind == "Ingress":
            yield name_of(event.object)
        elif event.kind == "IngressClass" or (
            event.kind == "Service" and name_of(event.object) == (INGRESS_NAMESPACE, INGRESS_NAME)
        ):
            yield from map(name_of, store.list("Ingress"))

    def sync(self, key: Name, store: Store) -> None:
        found = store.find("Ingress", *key)
        if found is None:
            return
        entries = _addresses(store) if _is_ours(store, found) else []
        told: Json = {"loadBalancer": {"ingress": entries} if entries else {}}
        if found["status"] != told:
            store.update("Ingress", *key, lambda item: item.update(status=told), "status")


def _is_ours(store: Store, ingress: Json) -> bool:
    name = ingress["spec"].get("ingressClassName")
    found = store.find("IngressClass", "", name) if name else None
    return found is not None and found["spec"].get("controller") == INGRESS_CONTROLLER


def _addresses(store: Store) -> list[Json]:
    service = store.find("Service", INGRESS_NAMESPACE, INGRESS_NAME)
    entries = service["status"].get("loadBalancer", {}).get("ingress") or () if service else ()
    return [{"ip": entry["ip"]} for entry in entries if entry.get("ip")]
