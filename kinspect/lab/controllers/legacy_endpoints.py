"""Endpoints (v1): the old list of a Service's backends, kept as the built-in controller still keeps it.

Nothing reads it any more, proxies least of all; but `kubectl get endpoints` is what many have learned. It has
one family, and neither terminating pods nor conditions. Source: pkg/controller/endpoint.
"""

from __future__ import annotations

from collections.abc import Iterable

from kinspect.lab.controllers import endpoints, workloads
from kinspect.lab.controllers.selected import has_pods, pods_of, services_of
from kinspect.lab.status import Json
from kinspect.lab.store import Event, Name, Store, name_of

_HEADLESS = "service.kubernetes.io/headless"
_MANAGED_BY = {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}


class LegacyEndpoints:
    def keys(self, event: Event, store: Store) -> Iterable[Name]:
        if event.kind in ("Service", "Endpoints"):
            yield name_of(event.object)
        elif event.kind == "Pod":
            yield from services_of(store, event)

    def sync(self, key: Name, store: Store) -> None:
        service, present = store.find("Service", *key), store.find("Endpoints", *key)
        if service is None:
            if present is not None and _is_ours(present):
                store.delete("Endpoints", *key)
            return
        if workloads.is_terminating(service) or not has_pods(service):
            return
        wanted = _endpoints(service, pods_of(store, service))
        if present is None:
            store.create(wanted)
        elif (present.get("subsets"), present["metadata"].get("labels")) != (
            wanted.get("subsets"),
            wanted["metadata"]["labels"],
        ):
            store.replace(wanted)


def _endpoints(service: Json, pods: list[Json]) -> Json:
    meta, spec = service["metadata"], service["spec"]
    labels = {**meta.get("labels", {}), **_MANAGED_BY}
    if spec.get("clusterIP") == "None":
        labels[_HEADLESS] = ""
    made: Json = {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": meta["name"], "namespace": meta["namespace"], "labels": labels},
    }
    subsets = subsets_of(service, pods)
    return made | {"subsets": subsets} if subsets else made


def subsets_of(service: Json, pods: list[Json]) -> list[Json]:
    """The pods' addresses, grouped by equal ports; a pod without any of the Service's ports is left out."""
    published = bool(service["spec"].get("publishNotReadyAddresses"))
    listed = [pod for pod in pods if published or not workloads.is_terminating(pod)]
    subsets = []
    for ports, group in endpoints.groups(service, listed, {}, service["spec"]["ipFamilies"][0]).items():
        if not ports.entries and service["spec"].get("ports"):
            continue
        subset: Json = {}
        for field, ready in (("addresses", True), ("notReadyAddresses", False)):
            found = [_address(each) for each in group if each["conditions"]["ready"] is ready]
            if found:
                subset[field] = sorted(found, key=lambda address: str(address["ip"]))
        if ports.entries:
            subset["ports"] = [_port(port) for port in ports.as_json() or ()]
        subsets.append(subset)
    return subsets


def _address(endpoint: Json) -> Json:
    kept: Json = {key: endpoint[key] for key in ("hostname", "nodeName", "targetRef") if key in endpoint}
    return {"ip": endpoint["addresses"][0]} | kept


def _port(port: Json) -> Json:
    return {key: value for key, value in port.items() if value != ""}


def _is_ours(item: Json) -> bool:
    labels = item["metadata"].get("labels", {})
    return all(labels.get(key) == value for key, value in _MANAGED_BY.items())
