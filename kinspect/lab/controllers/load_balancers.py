"""LoadBalancer Services: an address from the lab's pool, unless another class is to serve them.

A Service with the class of nobody stays pending, as on a real cluster. `PROXY_CLASS` is the lab's second
kind of balancer: it has an address of its own and rewrites the destination (ipMode Proxy) instead of passing
it on.
"""

from __future__ import annotations

from collections.abc import Iterable

from kinspect.lab.addresses import LOAD_BALANCER_NETWORK
from kinspect.lab.status import Json
from kinspect.lab.store import Event, Name, Store, name_of

PROXY_CLASS = "lab.kinspect/proxy"


class LoadBalancers:
    def keys(self, event: Event, store: Store) -> Iterable[Name]:
        if event.kind == "Service" and event.object["spec"]["type"] == "LoadBalancer":
            yield name_of(event.object)

    def sync(self, key: Name, store: Store) -> None:
        found = store.find("Service", *key)
        if found is None or found["spec"]["type"] != "LoadBalancer":
            return
        chosen = found["spec"].get("loadBalancerClass")
        if chosen not in (None, PROXY_CLASS) or _addresses(found):
            return
        address = _free(store, found["spec"].get("loadBalancerIP") or "")
        mode = "Proxy" if chosen == PROXY_CLASS else "VIP"
        told = {"loadBalancer": {"ingress": [{"ip": address, "ipMode": mode}]}}
        store.update("Service", *key, lambda item: item.update(status=told), "status")


def _addresses(service: Json) -> list[str]:
    entries = service["status"].get("loadBalancer", {}).get("ingress") or ()
    return [entry["ip"] for entry in entries if entry.get("ip")]


def _free(store: Store, wanted: str) -> str:
    """The address that is asked for, or the lowest that nobody has."""
    taken = {address for service in store.list("Service") for address in _addresses(service)}
    if wanted and wanted not in taken:
        return wanted
    return next(str(each) for each in LOAD_BALANCER_NETWORK.hosts() if str(each) not in taken)
